// The workers' configuration: one row per key.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/config/fields.h"
#include "common/net/curve.h"
#include "common/process/log.h"
#include "common/protocol/messages.h"

namespace posefleet {

struct PoseWorkerConfig {
  std::string coordinator;
  std::filesystem::path key;              // empty: no keys
  std::filesystem::path coordinator_key;  // empty: no keys
  std::filesystem::path model;
  std::uint64_t source_cache_mib = 0;
  std::uint64_t task_mib_max = 0;
  std::uint64_t result_mib_max = 0;
  std::uint32_t models_per_worker = 1;
  std::uint32_t threads = 0;
  std::string device;
  std::string precision;
  LogLevel log_level = LogLevel::Info;
};

struct RenderWorkerConfig {
  std::string coordinator;
  std::filesystem::path key;              // empty: no keys
  std::filesystem::path coordinator_key;  // empty: no keys
  std::filesystem::path model;
  std::uint64_t source_cache_mib = 0;
  std::uint64_t task_mib_max = 0;
  std::uint64_t result_mib_max = 0;
  LogLevel log_level = LogLevel::Info;
};

// What its Hello says of sizes.
template <typename Config>
void say_limits(const Config& config, Hello& hello) {
  hello.task_bytes_max = config.task_mib_max << 20;
  hello.result_bytes_max = config.result_mib_max << 20;
}

const Fields<PoseWorkerConfig>& pose_worker_fields();
const Fields<RenderWorkerConfig>& render_worker_fields();

// Reads the keys that the configuration names. Rejected: one without the other, and an endpoint
// other than ipc:// and loopback without keys.
struct CoordinatorAddress {
  std::string endpoint;
  std::filesystem::path key;
  std::filesystem::path coordinator_key;
};
Result<std::optional<ClientKeys>> check_coordinator(const CoordinatorAddress& address);

template <typename Config>
Result<std::optional<ClientKeys>> check_coordinator(const Config& config) {
  return check_coordinator(
      CoordinatorAddress{config.coordinator, config.key, config.coordinator_key});
}

}  // namespace posefleet

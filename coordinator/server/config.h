// The coordinator's configuration: one row per key.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "common/config/fields.h"
#include "common/process/log.h"
#include "coordinator/server/server.h"

namespace posefleet {

struct CoordinatorConfig {
  std::filesystem::path data_dir;
  std::string workers_listen;
  std::filesystem::path workers_key;      // empty: no keys
  std::filesystem::path workers_allowed;  // empty: no keys
  std::string clients_listen;
  std::string http_listen;      // empty: no HTTP
  std::string http_public_url;  // empty: as it listens
  std::chrono::milliseconds heartbeat{};
  std::chrono::milliseconds lease{};
  std::chrono::milliseconds range_time_max{};
  std::uint32_t fails_max = 0;
  std::uint32_t quarantine_max = 0;
  std::uint32_t sessions_max = 0;
  std::uint32_t jobs_max = 0;
  std::uint32_t results_max = 0;
  std::uint32_t http_connections_max = 0;
  std::uint64_t result_mib_max = 0;
  std::uint64_t disk_free_mib_min = 0;
  std::chrono::milliseconds retention_keep{};
  std::uint64_t retention_gib_max = 0;
  LogLevel log_level = LogLevel::Info;
};

const Fields<CoordinatorConfig>& coordinator_fields();
// Rejected: keys that miss their other half; an HTTP address that is none, that is open to others
// without keys for the workers, or that does not say how workers reach it.
Result<ServerConfig> server_config(const CoordinatorConfig& config);

}  // namespace posefleet

// The workers' configuration: one row per key.
#pragma once

#include <filesystem>
#include <string>

#include "common/base/result.h"
#include "common/config/fields.h"
#include "common/process/log.h"

namespace posefleet {

struct PoseWorkerConfig {
  std::string coordinator;
  std::filesystem::path model;
  std::uint32_t models_per_worker = 1;
  std::uint32_t threads = 0;
  std::string device;
  std::string precision;
  LogLevel log_level = LogLevel::Info;
};

struct RenderWorkerConfig {
  std::string coordinator;
  std::filesystem::path model;
  LogLevel log_level = LogLevel::Info;
};

const Fields<PoseWorkerConfig>& pose_worker_fields();
const Fields<RenderWorkerConfig>& render_worker_fields();

// Without keys a worker talks to ipc:// and loopback only.
Status check_coordinator_endpoint(const std::string& endpoint);

}  // namespace posefleet

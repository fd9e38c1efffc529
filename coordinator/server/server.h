// The coordinator's loop: wait, decode, ask the rules, do what they say.
//
// One thread owns the rules, the store, the spool and both sockets (clients.h answers one of them).
// A second one probes and assembles, which may take minutes; they meet at two queues. Everything
// that the rules command is carried out in their order, so what a message relies on is on disk
// before the message leaves.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "coordinator/core/coordinator.h"
#include "coordinator/server/admission.h"
#include "coordinator/server/retention.h"
#include "coordinator/server/source_server.h"

namespace posefleet {

struct ServerConfig {
  std::filesystem::path data_dir;
  std::string worker_endpoint;
  std::optional<WorkerKeys> worker_keys;  // nothing: only ipc and loopback
  std::string client_endpoint;
  std::optional<SourceServerConfig> sources;  // nothing: workers see the files themselves
  core::Settings rules;
  std::uint32_t jobs_max = 1000;     // that are not final
  std::uint32_t results_max = 1024;  // that arrive at the same time
  std::uint64_t disk_free_min = 0;   // bytes; see disk_watch.h
  RetentionLimits retention;
};

class Server final {
 public:
  // Opens the store, takes up the jobs that were not finished, listens.
  static Result<std::unique_ptr<Server>> start(const ServerConfig& config);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Until `stop_fd` becomes readable.
  Status run(int stop_fd);

 private:
  class Loop;
  explicit Server(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace posefleet

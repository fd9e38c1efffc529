// The real coordinator with a job that is ready to be granted, and what it costs the machine.
//
// The job is written into the store as the coordinator itself would have left it after a probe, so
// that no video is needed; the coordinator then takes it up as after a restart. Everything from
// there on is the real thing: program, sockets, rules, store, disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/process/child.h"
#include "common/protocol/ids.h"

namespace posefleet::bench {

inline constexpr const char* kModelHash = "model";
inline constexpr std::uint32_t kPoseFrames = 16;

struct JobSize {
  std::uint32_t pose_ranges = 100'000;
  bool is_drawn = true;  // render ranges too, of 4 s each
};

// Counted since the process began.
struct ProcessUse {
  double cpu_seconds = 0;
  std::uint64_t bytes_to_disk = 0;  // as the kernel counts what is written through to the disk
};

// Owned by main, used by its thread.
class CoordinatorProcess final {
 public:
  struct Options {
    std::filesystem::path program;
    std::filesystem::path folder;  // becomes its data_dir's parent
    bool is_tcp = false;           // workers over loopback TCP instead of ipc
    std::uint32_t sessions_max = 4096;
  };
  // Returns when it listens.
  static Result<std::unique_ptr<CoordinatorProcess>> start(const Options& options,
                                                           const JobSize& size);

  const std::string& worker_endpoint() const { return worker_endpoint_; }
  Result<ProcessUse> use() const;
  // What it wrote to its log.
  std::string log() const;

 private:
  CoordinatorProcess(Child child, std::filesystem::path log)
      : child_(std::move(child)), log_(std::move(log)) {}
  Status wait_until_it_listens();

  Child child_;
  std::filesystem::path log_;
  std::string worker_endpoint_;
};

}  // namespace posefleet::bench

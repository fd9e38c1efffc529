// Which finished jobs' files go, and when.
//
// A job's working files (results of its ranges) go when it ends; its output stays for whoever
// fetches it, until it is older than `keep`, or all outputs together have more than `quota_bytes`,
// the oldest first. What a coordinator that was killed at the wrong moment left of a finished job's
// working files goes here, too. A job's age is counted from the last change in its folder: that
// needs no clock of ours and survives restarts.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "common/protocol/ids.h"

namespace posefleet {

struct RetentionLimits {
  std::chrono::seconds keep{};    // 0: for ever
  std::uint64_t quota_bytes = 0;  // 0: none
  bool operator==(const RetentionLimits&) const = default;
};

struct FinishedJob {
  JobId id{};
  std::chrono::seconds age{};
  std::uint64_t bytes = 0;
};

// Those that go, the oldest first. Pure.
std::vector<JobId> jobs_to_remove(std::vector<FinishedJob> jobs, const RetentionLimits& limits);

// Blocking: reads folders and removes files.
struct RetentionWork {
  std::filesystem::path jobs_folder;
  std::vector<JobId> finished;
  RetentionLimits limits;
};
struct RetentionOutcome {
  std::vector<JobId> removed;
  std::uint64_t bytes = 0;  // that they had
};
RetentionOutcome carry_out(const RetentionWork& work, std::filesystem::file_time_type now);

}  // namespace posefleet

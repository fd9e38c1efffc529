// Commands that a disk without room kept from being carried out, to be tried again.
//
// A full disk passes, and hours of work must not be lost over it: the job waits and says why, as it
// does when a result cannot be stored. What waits here is a job's own row, the removal of its
// results until that row is stored, and a probe. Grants and commits come back by themselves; an
// output waits with the rules.
#pragma once

#include <chrono>
#include <vector>

#include "common/process/clock.h"
#include "coordinator/core/commands.h"

namespace posefleet {

// One thread, the loop's.
class Postponed final {
 public:
  // How long each waits before it is tried again.
  static constexpr std::chrono::milliseconds kPause{1000};

  void add(core::Command command, Instant now);
  // The job's row is written, so that an older one must not be written over it.
  void forget_row(JobId job);
  // Whether the store does not know yet what the job's state is.
  bool has_row(JobId job) const;
  // Those whose time has come, in the order in which they were added; they are not kept.
  core::Commands take_due(Instant now);

 private:
  struct Entry {
    Instant due{};
    core::Command command;
  };
  std::vector<Entry> entries_;
};

}  // namespace posefleet

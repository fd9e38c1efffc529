// The ready ranges of one pool, and whose turn it is.
//
// Jobs of priority 100 go before all others, those of 0 after them. Between these, jobs share by
// weight: each grant moves its job's clock on by the range's frames over the job's weight, and the
// job whose clock shows least is next (start-time fair queueing). A share by clock, rather than by
// counting who holds how many, is right for ranges of any length and needs no window of time. A job
// that comes, or comes back, starts at the present time, so that it catches up nothing. Inside a
// job the lowest first frame goes first: the output grows in order.
//
// Pure, and the same order whatever the order of insertion.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "coordinator/core/commands.h"

namespace posefleet::core {

class ReadyQueue final {
 public:
  using Ranges = std::set<std::pair<std::uint32_t, RangeId>>;  // by first frame
  // Class (0 first), clock, job.
  using Turn = std::tuple<int, std::uint64_t, JobId>;

  void insert(const RangeRecord& range, std::uint32_t priority);
  // Nothing happens if it is not there.
  void erase(const RangeRecord& range);
  // It is granted: erased, and its job's clock moves on.
  void take(const RangeRecord& range);
  void forget(JobId job);

  bool empty() const { return turns_.empty(); }
  // Of no job that is not forgotten anything was ever here.
  bool knows_no_job() const { return jobs_.empty(); }
  // The jobs with ready ranges, the next one first.
  const std::set<Turn>& turns() const { return turns_; }
  const Ranges& ranges_of(JobId job) const { return jobs_.at(job).ranges; }

 private:
  struct Entry {
    int rank = 0;
    std::uint64_t weight = 1;
    std::uint64_t clock = 0;
    Ranges ranges;
  };

  std::map<JobId, Entry> jobs_;
  std::set<Turn> turns_;
  std::array<std::uint64_t, 3> present_{};  // by class: the clock of the last job that was served
};

}  // namespace posefleet::core

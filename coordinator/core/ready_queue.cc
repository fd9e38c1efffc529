#include "coordinator/core/ready_queue.h"

#include <algorithm>

namespace posefleet::core {
namespace {

// A frame on the clock of a job of weight 1. A multiple of 1 to 20, so that small weights divide it
// without a rest; a film of a million frames still fits its clock 80,000 times.
constexpr std::uint64_t kFrameTicks = 232'792'560;

}  // namespace

void ReadyQueue::insert(const RangeRecord& range, std::uint32_t priority) {
  Entry& job = jobs_[range.job];
  if (job.ranges.empty()) {
    job.rank = priority >= 100 ? 0 : priority > 0 ? 1 : 2;
    job.weight = job.rank == 1 ? priority : 1;
    job.clock = std::max(job.clock, present_[static_cast<std::size_t>(job.rank)]);
    turns_.insert({job.rank, job.clock, range.job});
  }
  job.ranges.insert({range.frames.first, range.id});
}

void ReadyQueue::erase(const RangeRecord& range) {
  const auto job = jobs_.find(range.job);
  if (job == jobs_.end()) return;
  if (job->second.ranges.erase({range.frames.first, range.id}) == 0) return;
  if (job->second.ranges.empty()) {
    turns_.erase({job->second.rank, job->second.clock, range.job});
  }
}

void ReadyQueue::take(const RangeRecord& range) {
  Entry& job = jobs_.at(range.job);
  turns_.erase({job.rank, job.clock, range.job});
  job.ranges.erase({range.frames.first, range.id});
  std::uint64_t& present = present_[static_cast<std::size_t>(job.rank)];
  present = std::max(present, job.clock);
  job.clock += range.frames.size() * kFrameTicks / job.weight;
  if (!job.ranges.empty()) turns_.insert({job.rank, job.clock, range.job});
}

void ReadyQueue::forget(JobId id) {
  const auto job = jobs_.find(id);
  if (job == jobs_.end()) return;
  turns_.erase({job->second.rank, job->second.clock, id});
  jobs_.erase(job);
}

}  // namespace posefleet::core

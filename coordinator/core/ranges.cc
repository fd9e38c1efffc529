// Where each range is, and what has to follow when that changes.
#include <algorithm>

#include "common/base/check.h"
#include "coordinator/core/coordinator.h"
#include "coordinator/core/words.h"

namespace posefleet::core {

void Coordinator::add_ranges(Job& job, const std::vector<RangeRecord>& ranges) {
  for (const RangeRecord& record : ranges) {
    Range& range = ranges_[record.id];
    range.record = record;
    job.ranges.push_back(record.id);
    if (record.is_split) {
      range.state = RangeState::Split;
      continue;
    }
    range.state = record.is_committed ? RangeState::Committed : RangeState::Blocked;
    if (record.is_quarantined) warn_of_quarantine(job, record, range.last_failure);
    if (record.stage == Stage::Pose) job.poses.add(record.frames, record.is_committed);
    if (record.is_committed) continue;
    ++job.open_ranges;
    if (record.is_quarantined && record.stage == Stage::Pose) {
      range.state = RangeState::Poisoned;
      poisoned_.insert(record.id);
    }
  }
  count_progress(job);
  for (const RangeRecord& record : ranges) {
    Range& range = ranges_.at(record.id);
    if (range.state == RangeState::Blocked) make_ready(range, Instant{});
  }
}

namespace {

void add(const RangeRecord& range, StageProgress& stage) {
  stage.frames_done += range.frames.size();
  stage.stats.frames_with_people += range.stats.frames_with_people;
  stage.stats.people += range.stats.people;
  stage.stats.frames_kept_original += range.stats.frames_kept_original;
  stage.stats.decode_seconds += range.stats.decode_seconds;
  stage.stats.work_seconds += range.stats.work_seconds;
  stage.stats.encode_seconds += range.stats.encode_seconds;
  stage.stats.frames_undetected += range.stats.frames_undetected;
}

}  // namespace

// Anew. People ask for a job's progress all the time, and a film has ten thousands of ranges: a
// commit adds to the counts, and only what is rare looks at all ranges again.
void Coordinator::count_progress(Job& job) {
  job.progress[0] = {.stage = Stage::Pose};
  job.progress[1] = {.stage = Stage::Render};
  for (const RangeId id : job.ranges) {
    const Range& range = ranges_.at(id);
    if (range.state == RangeState::Split) continue;  // its parts count
    StageProgress& stage = job.progress[static_cast<std::size_t>(range.record.stage)];
    stage.frames_total += range.record.frames.size();
    if (range.state == RangeState::Committed) add(range.record, stage);
  }
}

// A render range needs the poses of all frames before it, its own, and those of the margin behind
// it that its job asks for.
std::uint32_t Coordinator::needs_poses_until(const Range& range) const {
  if (range.record.stage == Stage::Pose) return 0;
  const std::uint32_t margin = jobs_.at(range.record.job).record.pose_margin;
  return range.record.frames.end + std::min(margin, UINT32_MAX - range.record.frames.end);
}

bool Coordinator::lacks_poses(const Range& range) const {
  return needs_poses_until(range) > jobs_.at(range.record.job).poses.end();
}

// Poses were committed: whoever waited for them waits no longer.
void Coordinator::release_waiting(Job& job) {
  while (!job.waiting.empty() && job.waiting.begin()->first <= job.poses.end()) {
    Range& range = ranges_.at(job.waiting.begin()->second);
    job.waiting.erase(job.waiting.begin());
    if (range.state == RangeState::Blocked) make_ready(range, Instant{});
  }
}

void Coordinator::make_ready(Range& range, Instant not_before) {
  Job& job = jobs_.at(range.record.job);
  // While it was out, a result that it needs may have been lost, or its job may have ended.
  range.state = RangeState::Blocked;
  if (is_final(job.record.state)) return;
  if (lacks_poses(range)) {
    job.waiting.insert({needs_poses_until(range), range.record.id});
    return;
  }
  range.state = RangeState::Ready;
  range.not_before = not_before;
  pool_of(range.record).ready.insert(range.record, job.record.priority);
}

void Coordinator::take_from_ready(const Range& range) {
  pool_of(range.record).ready.erase(range.record);
}

Coordinator::Range* Coordinator::wanted(RangeId id) {
  const auto found = ranges_.find(id);
  if (found == ranges_.end()) return nullptr;
  Range& range = found->second;
  if (range.state == RangeState::Committed || range.state == RangeState::Split) return nullptr;
  const auto job = jobs_.find(range.record.job);
  if (job == jobs_.end() || is_final(job->second.record.state)) return nullptr;
  return &range;
}

std::size_t Coordinator::leases_of(RangeId id) const {
  const auto found = ranges_.find(id);
  return found == ranges_.end() ? 0 : found->second.holders.size();
}

void Coordinator::close_range(Range& range, const RangeStats& stats, Commands& commands) {
  range.state = RangeState::Committed;
  range.record.is_committed = true;
  range.record.stats = stats;
  range.charges.clear();
  charged_.erase(range.record.id);
  poisoned_.erase(range.record.id);
  Job& job = jobs_.at(range.record.job);
  add(range.record, job.progress[static_cast<std::size_t>(range.record.stage)]);
  if (range.record.stage == Stage::Pose) {
    job.poses.set_committed(range.record.frames, true);
    release_waiting(job);
  }
  --job.open_ranges;
  start_assembly_if_done(job, commands);
}

// A lease of the range is over without a result.
void Coordinator::give_back(Range& range, const Place& place, Blame blame,
                            const std::string& reason, Instant now, Commands& commands) {
  Job& job = jobs_.at(range.record.job);
  ++job.retries;
  commands.push_back(LogLine{true, describe(range.record) + " goes back: " + reason});
  if (blame != Blame::Nobody) range.last_failure = reason;
  if (blame == Blame::Range) charge(range, place, reason, commands);
  // A guess may cut a range. To take a frame out, two of them count as one.
  const bool is_half =
      blame == Blame::RangeByGuess && range.record.frames.size() == 1 && ++range.guesses % 2 == 1;
  if (blame == Blame::RangeUnlessBack || (blame == Blame::RangeByGuess && !is_half)) {
    range.charges.push_back(
        {place, now + settings_.heartbeat * settings_.beats_until_dead, reason});
    charged_.insert(range.record.id);
  }
  if (blame == Blame::Worker && ++range.troubles >= settings_.troubles_max) {
    range.state = RangeState::Blocked;
    finish_job(job, JobState::Failed,
               describe(range.record) + " could not be computed " + std::to_string(range.troubles) +
                   " times, last: " + reason,
               commands);
    return;
  }
  if (blame != Blame::Nobody) range.elsewhere_until = now + settings_.lease;
  // Another copy of it still runs.
  if (!range.holders.empty()) return;
  settle(range, now, commands);
}

Commands Coordinator::on_artifact_lost(RangeId id, const std::string& reason, Instant now) {
  Commands commands;
  const auto found = ranges_.find(id);
  if (found == ranges_.end() || found->second.state != RangeState::Committed) return commands;
  Range& range = found->second;
  Job& job = jobs_.at(range.record.job);
  if (is_final(job.record.state)) return commands;
  range.record.is_committed = false;
  range.record.stats = {};
  range.state = RangeState::Blocked;
  ++job.open_ranges;
  count_progress(job);
  if (range.record.stage == Stage::Pose) {
    job.poses.set_committed(range.record.frames, false);
    for (const RangeId other : job.ranges) {
      Range& dependent = ranges_.at(other);
      // A dependent that already runs has its copy; only one that waits must wait longer.
      if (dependent.state != RangeState::Ready || !lacks_poses(dependent)) continue;
      take_from_ready(dependent);
      make_ready(dependent, Instant{});
    }
  }
  if (job.record.state == JobState::Assembling) job.record.state = JobState::Running;
  commands.push_back(PersistJob{job.record});
  give_back(range, {}, Blame::Worker, reason, now, commands);
  grant_ranges(now, commands);
  return commands;
}

}  // namespace posefleet::core

// Jobs from submission to their end, and where each of their ranges is.
#include <algorithm>

#include "common/base/check.h"
#include "coordinator/core/coordinator.h"
#include "coordinator/core/words.h"

namespace posefleet::core {

// ---- jobs ---------------------------------------------------------------------------------------

void Coordinator::restore_job(const JobRecord& job, const std::vector<RangeRecord>& ranges) {
  Job& entry = jobs_[job.id];
  entry.record = job;
  add_ranges(entry, ranges);
}

Commands Coordinator::on_start(Instant now) {
  Commands commands;
  for (auto& [id, job] : jobs_) {
    if (is_final(job.record.state)) continue;
    // Without ranges the probe's outcome was never stored; it is repeated.
    if (job.ranges.empty()) {
      job.record.state = JobState::Probing;
      commands.push_back(ProbeJob{id});
    } else {
      job.record.state = JobState::Running;
      start_assembly_if_done(job, commands);
    }
  }
  grant_ranges(now, commands);
  return commands;
}

Commands Coordinator::on_job_submitted(const JobRecord& job, Instant) {
  Job& entry = jobs_[job.id];
  entry.record = job;
  entry.record.state = JobState::Probing;
  return {PersistJob{entry.record}, ProbeJob{job.id}};
}

Commands Coordinator::on_probed(JobId id, const std::vector<RangeRecord>& ranges,
                                const std::vector<std::string>& warnings, Instant now) {
  Commands commands;
  const auto found = jobs_.find(id);
  // It may have been cancelled while the probe ran.
  if (found == jobs_.end() || found->second.record.state != JobState::Probing) return commands;
  Job& job = found->second;
  job.record.state = JobState::Running;
  job.record.warnings.insert(job.record.warnings.end(), warnings.begin(), warnings.end());
  commands.push_back(PersistJob{job.record});
  add_ranges(job, ranges);
  start_assembly_if_done(job, commands);
  grant_ranges(now, commands);
  return commands;
}

Commands Coordinator::on_probe_failed(JobId id, const std::string& error, Instant) {
  Commands commands;
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || is_final(found->second.record.state)) return commands;
  finish_job(found->second, JobState::Failed, error, commands);
  return commands;
}

Commands Coordinator::on_assembled(JobId id, const std::string& result,
                                   const std::vector<std::string>& warnings, Instant) {
  Commands commands;
  const auto found = jobs_.find(id);
  // A lost artifact may have sent the job back to running meanwhile.
  if (found == jobs_.end() || found->second.record.state != JobState::Assembling) return commands;
  JobRecord& record = found->second.record;
  record.result = result;
  record.warnings.insert(record.warnings.end(), warnings.begin(), warnings.end());
  finish_job(found->second, JobState::Succeeded, "", commands);
  return commands;
}

Commands Coordinator::on_assembly_failed(JobId id, const std::string& error, Instant now) {
  return on_probe_failed(id, error, now);
}

Commands Coordinator::on_cancel(JobId id, Instant now) {
  Commands commands;
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || is_final(found->second.record.state)) return commands;
  finish_job(found->second, JobState::Cancelled, "", commands);
  grant_ranges(now, commands);
  return commands;
}

void Coordinator::finish_job(Job& job, JobState state, const std::string& error,
                             Commands& commands) {
  job.record.state = state;
  job.record.error = error;
  drop_leases(job, commands);
  for (const RangeId id : job.ranges) take_from_ready(ranges_.at(id));
  commands.push_back(PersistJob{job.record});
  commands.push_back(ReleaseJob{job.record.id});
  commands.push_back(
      LogLine{state == JobState::Failed, "job " + std::to_string(number(job.record.id)) + " " +
                                             name_of(state) + (error.empty() ? "" : ": " + error)});
}

void Coordinator::drop_leases(Job& job, Commands& commands) {
  for (auto& [peer, session] : sessions_) {
    for (auto lease = session.leases.begin(); lease != session.leases.end();) {
      if (ranges_.at(lease->first).record.job != job.record.id) {
        ++lease;
        continue;
      }
      commands.push_back(SendToWorker{peer, CancelRange{lease->first, lease->second.token}});
      commands.push_back(DropSpool{peer, lease->first});
      lease = session.leases.erase(lease);
    }
  }
}

void Coordinator::start_assembly_if_done(Job& job, Commands& commands) {
  if (job.record.state != JobState::Running || job.open_ranges != 0) return;
  job.record.state = JobState::Assembling;
  commands.push_back(PersistJob{job.record});
  commands.push_back(AssembleJob{job.record.id});
}

// ---- ranges -------------------------------------------------------------------------------------

void Coordinator::add_ranges(Job& job, const std::vector<RangeRecord>& ranges) {
  std::vector<RangeId> pose_ids;
  std::vector<RangeId> render_ids;
  for (const RangeRecord& record : ranges) {
    Range& range = ranges_[record.id];
    range.record = record;
    range.state = record.is_committed ? RangeState::Committed : RangeState::Blocked;
    job.ranges.push_back(record.id);
    if (!record.is_committed) ++job.open_ranges;
    (record.stage == Stage::Pose ? pose_ids : render_ids).push_back(record.id);
  }
  // A render range needs every pose range that shares a frame with it.
  for (const RangeId render_id : render_ids) {
    Range& render = ranges_.at(render_id);
    for (const RangeId pose_id : pose_ids) {
      Range& pose = ranges_.at(pose_id);
      const bool overlap = pose.record.frames.first < render.record.frames.end &&
                           render.record.frames.first < pose.record.frames.end;
      if (!overlap) continue;
      pose.unlocks.push_back(render_id);
      render.needs.push_back(pose_id);
      if (pose.state != RangeState::Committed) ++render.blocked_on;
    }
  }
  for (const RangeId id : job.ranges) {
    Range& range = ranges_.at(id);
    if (range.state == RangeState::Blocked && range.blocked_on == 0) make_ready(range, Instant{});
  }
}

void Coordinator::make_ready(Range& range, Instant not_before) {
  // While it was out, a result that it needs may have been lost, or its job may have ended.
  if (range.blocked_on > 0 || is_final(jobs_.at(range.record.job).record.state)) {
    range.state = RangeState::Blocked;
    return;
  }
  range.state = RangeState::Ready;
  range.not_before = not_before;
  ready_[static_cast<int>(range.record.stage)].insert(
      {range.record.job, range.record.frames.first, range.record.id});
}

void Coordinator::take_from_ready(const Range& range) {
  ready_[static_cast<int>(range.record.stage)].erase(
      {range.record.job, range.record.frames.first, range.record.id});
}

Coordinator::Range* Coordinator::wanted(RangeId id) {
  const auto found = ranges_.find(id);
  if (found == ranges_.end() || found->second.state == RangeState::Committed) return nullptr;
  const auto job = jobs_.find(found->second.record.job);
  if (job == jobs_.end() || is_final(job->second.record.state)) return nullptr;
  return &found->second;
}

void Coordinator::requeue(Range& range, Instant now, bool is_charged, const std::string& reason,
                          Commands& commands) {
  Job& job = jobs_.at(range.record.job);
  ++job.retries;
  commands.push_back(LogLine{true, describe(range.record) + " goes back: " + reason});
  if (is_charged) {
    ++range.record.fails;
    commands.push_back(PersistFails{range.record.id, range.record.fails});
    if (range.record.fails >= settings_.fails_max) {
      range.state = RangeState::Blocked;
      finish_job(job, JobState::Failed,
                 describe(range.record) + " failed " + std::to_string(range.record.fails) +
                     " times, last: " + reason,
                 commands);
      return;
    }
  }
  make_ready(range, is_charged ? now + settings_.backoff * range.record.fails : Instant{});
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
  ++job.open_ranges;
  for (const RangeId unlocked : range.unlocks) {
    Range& dependent = ranges_.at(unlocked);
    ++dependent.blocked_on;
    // A dependent that already runs has its copy; only one that waits must wait longer.
    if (dependent.state == RangeState::Ready) {
      take_from_ready(dependent);
      dependent.state = RangeState::Blocked;
    }
  }
  if (job.record.state == JobState::Assembling) job.record.state = JobState::Running;
  commands.push_back(PersistJob{job.record});
  requeue(range, now, true, reason, commands);
  grant_ranges(now, commands);
  return commands;
}

}  // namespace posefleet::core

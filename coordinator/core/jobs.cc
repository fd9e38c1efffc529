// Jobs from submission to their end.
#include <utility>

#include "common/base/check.h"
#include "coordinator/core/coordinator.h"
#include "coordinator/core/words.h"

namespace posefleet::core {

// ---- jobs ---------------------------------------------------------------------------------------

void Coordinator::restore_job(const JobRecord& job, const std::vector<RangeRecord>& ranges) {
  Job& entry = jobs_[job.id];
  entry.record = job;
  if (!is_final(job.state)) open_jobs_.insert(job.id);
  add_ranges(entry, ranges);
}

Commands Coordinator::on_start(Instant now) {
  Commands commands;
  // What was to be taken out before the restart still is.
  for (const RangeId id : poisoned_) carry_out_poison(ranges_.at(id), now, commands);
  for (const JobId id : open_jobs_) {
    Job& job = jobs_.at(id);
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
  open_jobs_.insert(job.id);
  return {PersistJob{entry.record}, ProbeJob{job.id}};
}

Commands Coordinator::on_probed(JobId id, const std::vector<RangeRecord>& ranges,
                                const std::vector<std::string>& warnings, Instant now) {
  Commands commands;
  const auto found = jobs_.find(id);
  // It may have been cancelled while the probe ran.
  if (found == jobs_.end() || found->second.record.state != JobState::Probing) return commands;
  Job& job = found->second;
  trouble_.clear();  // its plan could be stored
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
  // Its output is on the disk: there is room again.
  trouble_.clear();
  JobRecord& record = found->second.record;
  record.result = result;
  record.warnings.insert(record.warnings.end(), warnings.begin(), warnings.end());
  finish_job(found->second, JobState::Succeeded, "", commands);
  return commands;
}

Commands Coordinator::on_assembly_failed(JobId id, const std::string& error, Instant now) {
  return on_probe_failed(id, error, now);
}

Commands Coordinator::on_source_lost(JobId id, const std::string& error, Instant now) {
  Commands commands = on_probe_failed(id, error, now);
  grant_ranges(now, commands);
  return commands;
}

Commands Coordinator::on_assembly_postponed(JobId id, const std::string& error, Instant now) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || found->second.record.state != JobState::Assembling) return {};
  Job& job = found->second;
  if (++job.assemblies >= settings_.assemblies_max) return on_assembly_failed(id, error, now);
  job.record.state = JobState::Running;
  job.assembly_not_before = now + settings_.lease;
  trouble_ = error;
  return {LogLine{true, "the output of job " + std::to_string(number(id)) + " waits: " + error}};
}

void Coordinator::start_postponed_assemblies(Instant now, Commands& commands) {
  for (const JobId id : open_jobs_) {
    Job& job = jobs_.at(id);
    if (job.assembly_not_before <= now) start_assembly_if_done(job, commands);
  }
}

Commands Coordinator::on_room(Instant now) {
  Commands commands;
  no_room_.clear();
  for (const JobId id : open_jobs_) start_assembly_if_done(jobs_.at(id), commands);
  grant_ranges(now, commands);
  return commands;
}

Commands Coordinator::on_files_removed(JobId id, const std::string& reason) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || found->second.record.state != JobState::Succeeded) return {};
  found->second.record.warnings.push_back(reason);
  return {PersistJob{found->second.record}};
}

std::vector<JobId> Coordinator::finished_jobs() const {
  std::vector<JobId> finished;
  for (const auto& [id, job] : jobs_) {
    if (is_final(job.record.state)) finished.push_back(id);
  }
  return finished;
}

Commands Coordinator::on_cancel(JobId id, Instant now) {
  Commands commands;
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || is_final(found->second.record.state)) return commands;
  finish_job(found->second, JobState::Cancelled, "", commands);
  grant_ranges(now, commands);
  return commands;
}

void Coordinator::on_released(JobId id) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || !is_final(found->second.record.state)) return;
  Job& job = found->second;
  for (const RangeId range : std::exchange(job.ranges, {})) ranges_.erase(range);
  job.poses = {};
  job.waiting.clear();
}

void Coordinator::finish_job(Job& job, JobState state, const std::string& error,
                             Commands& commands) {
  job.record.state = state;
  job.record.error = error;
  open_jobs_.erase(job.record.id);
  drop_leases(job, commands);
  for (const RangeId id : job.ranges) {
    poisoned_.erase(id);
    charged_.erase(id);
  }
  forget_ready(job.record);
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
      lease = remove_lease(session, lease);
    }
  }
}

void Coordinator::start_assembly_if_done(Job& job, Commands& commands) {
  if (job.record.state != JobState::Running || job.open_ranges != 0) return;
  if (!no_room_.empty()) return;
  job.record.state = JobState::Assembling;
  commands.push_back(PersistJob{job.record});
  commands.push_back(AssembleJob{job.record.id});
}

}  // namespace posefleet::core

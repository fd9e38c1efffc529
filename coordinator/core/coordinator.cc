// Messages in, grants out, and what others may ask.
#include "coordinator/core/coordinator.h"

#include <algorithm>

#include "common/base/check.h"
#include "coordinator/core/words.h"

namespace posefleet::core {
Coordinator::Coordinator(Settings settings, std::uint64_t epoch, std::uint64_t seed)
    : settings_(settings), epoch_(epoch), session_seed_(seed) {}

// ---- messages -----------------------------------------------------------------------------------

Commands Coordinator::on_worker_message(const std::string& peer, const WorkerMessage& message,
                                        bool is_spool_complete, Instant now) {
  Commands commands;
  if (const auto* hello = std::get_if<Hello>(&message)) {
    handle(peer, *hello, now, commands);
    grant_ranges(now, commands);
    return commands;
  }
  const SessionId id = std::visit(
      [](const auto& one) -> SessionId {
        if constexpr (requires { one.session; }) return one.session;
        return SessionId{};
      },
      message);
  Session* session = session_of(peer, id);
  if (session == nullptr) {
    commands.push_back(SendToWorker{peer, UnknownSession{}});
    return commands;
  }
  const bool was_suspect = is_suspect(*session, now);
  session->last_heard = now;
  if (const auto* beat = std::get_if<Heartbeat>(&message)) {
    const std::uint64_t credit_before = session->credit_total;
    const Instant trouble_before = session->trouble_until;
    handle(*session, *beat, now, commands);
    // Most beats change nothing about who may get what; what time alone changes, a tick sees.
    const bool changes = was_suspect || session->credit_total != credit_before ||
                         session->trouble_until != trouble_before;
    if (!changes) return commands;
  } else if (const auto* result = std::get_if<ResultDone>(&message)) {
    handle(*session, *result, is_spool_complete, now, commands);
  } else if (const auto* fail = std::get_if<Fail>(&message)) {
    handle(*session, *fail, now, commands);
  } else if (std::holds_alternative<Bye>(message)) {
    end_session(*session, now, "it said goodbye", Blame::Nobody, commands);
  }
  grant_ranges(now, commands);
  return commands;
}

bool Coordinator::on_part(const std::string& peer, const ResultPart& part, Instant now) {
  Session* session = session_of(peer, part.session);
  if (session == nullptr) return false;
  session->last_heard = now;
  const Range* range = wanted(part.range);
  if (range == nullptr || range->state == RangeState::Committing ||
      part.bytes.size() > settings_.part_bytes_max || part.offset > settings_.result_bytes_max) {
    return false;
  }
  const auto lease = session->leases.find(part.range);
  if (lease != session->leases.end() && lease->second.token == part.token) {
    const std::uint64_t arrived = part.offset + part.bytes.size();
    if (arrived > lease->second.bytes_arrived) {
      lease->second.bytes_arrived = arrived;
      lease->second.is_seen = true;
      lease->second.deadline = now + settings_.lease;
    }
  }
  return true;
}

Commands Coordinator::on_committed(const std::string& peer, const ResultDone& result, Instant now) {
  Commands commands;
  Range& range = ranges_.at(result.range);
  POSEFLEET_CHECK(range.state == RangeState::Committing);
  trouble_.clear();
  commands.push_back(SendToWorker{peer, ack(result.range, result.token)});
  if (result.stats.frames_undetected > 0) {
    warn_of_detector(jobs_.at(range.record.job), peer, commands);
  }
  close_range(range, result.stats, commands);
  grant_ranges(now, commands);
  return commands;
}

// Once a job and reason: all workers of a model find the same fault in its detector.
void Coordinator::warn_of_detector(Job& job, const std::string& peer, Commands& commands) {
  const auto session = sessions_.find(peer);
  const std::string reason = session == sessions_.end() ? "" : session->second.hello.detector;
  const std::string warning =
      "people were not looked for, the whole frame was taken as one person's box: " +
      (reason.empty() ? "the worker has no detector" : reason);
  std::vector<std::string>& warnings = job.record.warnings;
  if (std::find(warnings.begin(), warnings.end(), warning) != warnings.end()) return;
  warnings.push_back(warning);
  commands.push_back(PersistJob{job.record});
}

Commands Coordinator::on_commit_failed(const std::string& peer, const ResultDone& result,
                                       const std::string& error, Instant now) {
  Commands commands;
  Range& range = ranges_.at(result.range);
  POSEFLEET_CHECK(range.state == RangeState::Committing);
  // No acknowledgement: the worker keeps its result and offers it again. Meanwhile the range may be
  // granted to somebody else; the first that can be stored wins.
  trouble_ = error;
  commands.push_back(LogLine{true, describe(range.record) + " could not be stored: " + error});
  make_ready(range, now + settings_.lease);
  commands.push_back(DropSpool{peer, result.range});
  return commands;
}

Commands Coordinator::on_grant_failed(const std::string& peer, const Grant& grant,
                                      const std::string& error, Instant now) {
  Commands commands;
  Range* range = wanted(grant.range);
  const auto session = sessions_.find(peer);
  if (session != sessions_.end() && session->second.id == grant.session) {
    remove_lease(session->second, grant.range);
    --session->second.granted;
    place(session->second);
    // Silence until its next word: it gets no grant that it cannot take.
    session->second.last_heard =
        now - settings_.heartbeat * settings_.beats_until_suspect - Instant{1};
  }
  if (range != nullptr && range->state == RangeState::Leased && leases_of(grant.range) == 0) {
    commands.push_back(LogLine{true, describe(range->record) + " was not granted: " + error});
    make_ready(*range, Instant{});
  }
  return commands;
}

Commands Coordinator::on_grant_too_large(const std::string& peer, const Grant& grant,
                                         std::uint64_t bytes, Instant now) {
  Commands commands;
  const auto found = sessions_.find(peer);
  if (found == sessions_.end() || found->second.id != grant.session) return commands;
  Session& session = found->second;
  remove_lease(session, grant.range);
  --session.granted;
  // The next range would not fit either: those that take more go before it for a while.
  session.trouble_until = now + 2 * settings_.lease;
  place(session);
  Range* range = wanted(grant.range);
  // A copy of it runs elsewhere, and that one was small enough.
  if (range == nullptr || range->state != RangeState::Leased || !range->holders.empty()) {
    return commands;
  }
  give_back(*range, {session.hello.host, session.hello.incarnation}, Blame::Range,
            session.hello.worker + " takes tasks of at most " +
                std::to_string(session.hello.task_bytes_max) + " bytes, this one has " +
                std::to_string(bytes),
            now, commands);
  grant_ranges(now, commands);
  return commands;
}

Commands Coordinator::on_tick(Instant now) {
  Commands commands;
  std::vector<std::string> dead;
  std::vector<std::pair<std::string, RangeId>> hung;
  std::vector<std::pair<std::string, RangeId>> endless;
  for (const auto& [peer, session] : sessions_) {
    if (now - session.last_heard > settings_.heartbeat * settings_.beats_until_dead) {
      dead.push_back(peer);
      continue;
    }
    for (const auto& [id, lease] : session.leases) {
      const bool is_endless =
          lease.is_executing && now - lease.started_at > settings_.range_time_max;
      if (is_endless) endless.push_back({peer, id});
      if (!is_endless && lease.deadline <= now) hung.push_back({peer, id});
    }
  }
  for (const auto& [peer, id] : hung) {
    end_lease(sessions_.at(peer), id, "made no progress", now, commands);
  }
  for (const auto& [peer, id] : endless) {
    end_lease(sessions_.at(peer), id,
              "took longer than the " + std::to_string(settings_.range_time_max.count()) +
                  " ms that a range may take",
              now, commands);
  }
  for (const std::string& peer : dead) {
    end_session(sessions_.at(peer), now, "no word from it", Blame::Range, commands);
  }
  take_charges_that_are_due(now, commands);
  start_postponed_assemblies(now, commands);
  grant_ranges(now, commands);
  copy_stragglers(now, commands);
  return commands;
}

// The range may be gone already: an earlier one of the same tick may have ended its job.
void Coordinator::end_lease(Session& session, RangeId id, const std::string& reason, Instant now,
                            Commands& commands) {
  const auto lease = session.leases.find(id);
  if (lease == session.leases.end()) return;
  const bool was_executing = lease->second.is_executing;
  // No heartbeat ever listed it: the grant was lost, and with it one of the worker's places, since
  // it gives no credit for what it never got. A new session counts afresh.
  if (!lease->second.is_seen) {
    session.is_out_of_step = true;
    place(session);
    commands.push_back(SendToWorker{session.peer, UnknownSession{}});
  }
  if (was_executing) session.trouble_until = now + 2 * settings_.lease;
  commands.push_back(SendToWorker{session.peer, CancelRange{id, lease->second.token}});
  remove_lease(session, lease);
  Range* range = wanted(id);
  if (range == nullptr || range->state != RangeState::Leased) return;
  give_back(*range, {session.hello.host, session.hello.incarnation},
            was_executing ? Blame::Range : Blame::Nobody, session.hello.worker + " " + reason, now,
            commands);
}

// ---- what others may ask ------------------------------------------------------------------------

const JobRecord* Coordinator::find_job(JobId id) const {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second.record;
}

JobStatus Coordinator::status(JobId id) const {
  const Job& job = jobs_.at(id);
  JobStatus status;
  status.job = id;
  status.state = job.record.state;
  status.error = job.record.error;
  status.warnings = job.record.warnings;
  status.result = job.record.result;
  status.retries = job.retries;
  // Of a job that ended nothing waits.
  if (!is_final(status.state)) status.trouble = trouble_.empty() ? no_room_ : trouble_;
  status.stages = {job.progress[0], job.progress[1]};
  // A straggler and its copy are one range: the one that is farther counts.
  std::map<RangeId, std::uint32_t> running;
  for (const auto& [peer, session] : sessions_) {
    ++status.stages[static_cast<std::size_t>(session.hello.role)].workers;
    for (const auto& [range_id, lease] : session.leases) {
      const RangeRecord& range = ranges_.at(range_id).record;
      std::uint32_t& done = running[range_id];
      done = std::max(done, std::min(lease.frames_done, range.frames.size()));
    }
  }
  for (const auto& [range_id, frames] : running) {
    const RangeRecord& range = ranges_.at(range_id).record;
    if (range.job != id) continue;
    status.stages[static_cast<std::size_t>(range.stage)].frames_done += frames;
  }
  return status;
}

}  // namespace posefleet::core

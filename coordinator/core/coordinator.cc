// Messages in, grants out, and what others may ask.
#include "coordinator/core/coordinator.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/protocol/precision.h"
#include "coordinator/core/words.h"

namespace posefleet::core {
namespace {

// A job's poses all come from one network in one precision; what is drawn from them does not depend
// on how they were computed.
bool serves(const Hello& hello, const JobRecord& job) {
  if (hello.role == Stage::Pose) return hello.model_hash == job.model_hash;
  return hello.model_hash == model_hash_of(job.model_hash);
}

}  // namespace

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
  session->last_heard = now;
  if (const auto* beat = std::get_if<Heartbeat>(&message)) {
    handle(*session, *beat, now, commands);
  } else if (const auto* result = std::get_if<ResultDone>(&message)) {
    handle(*session, *result, is_spool_complete, now, commands);
  } else if (const auto* fail = std::get_if<Fail>(&message)) {
    handle(*session, *fail, now, commands);
  } else if (std::holds_alternative<Bye>(message)) {
    end_session(*session, now, "it said goodbye", commands);
    sessions_.erase(peer);
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
  range.state = RangeState::Committed;
  trouble_.clear();
  range.record.is_committed = true;
  range.record.stats = result.stats;
  commands.push_back(SendToWorker{peer, ack(result.range, result.token)});
  for (const RangeId id : range.unlocks) {
    Range& dependent = ranges_.at(id);
    POSEFLEET_CHECK(dependent.blocked_on > 0);
    if (--dependent.blocked_on == 0 && dependent.state == RangeState::Blocked) {
      make_ready(dependent, Instant{});
    }
  }
  Job& job = jobs_.at(range.record.job);
  --job.open_ranges;
  if (result.stats.frames_undetected > 0) warn_of_detector(job, peer, commands);
  start_assembly_if_done(job, commands);
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
    session->second.leases.erase(grant.range);
    --session->second.granted;
    // Silence until its next word: it gets no grant that it cannot take.
    session->second.last_heard =
        now - settings_.heartbeat * settings_.beats_until_suspect - Instant{1};
  }
  if (range != nullptr && range->state == RangeState::Leased) {
    commands.push_back(LogLine{true, describe(range->record) + " was not granted: " + error});
    make_ready(*range, Instant{});
  }
  return commands;
}

Commands Coordinator::on_tick(Instant now) {
  Commands commands;
  std::vector<std::string> dead;
  for (auto& [peer, session] : sessions_) {
    if (now - session.last_heard > settings_.heartbeat * settings_.beats_until_dead) {
      dead.push_back(peer);
      continue;
    }
    for (auto lease = session.leases.begin(); lease != session.leases.end();) {
      if (lease->second.deadline > now) {
        ++lease;
        continue;
      }
      const RangeId id = lease->first;
      const bool was_executing = lease->second.is_executing;
      // No heartbeat ever listed it: the grant was lost, and with it one of the worker's places,
      // since it gives no credit for what it never got. A new session counts afresh.
      if (!lease->second.is_seen) {
        session.is_out_of_step = true;
        commands.push_back(SendToWorker{peer, UnknownSession{}});
      }
      if (was_executing) session.is_in_trouble = true;
      commands.push_back(SendToWorker{peer, CancelRange{id, lease->second.token}});
      lease = session.leases.erase(lease);
      Range* range = wanted(id);
      if (range != nullptr && range->state == RangeState::Leased) {
        requeue(*range, now, was_executing, session.hello.worker + " made no progress", commands);
      }
      // Requeueing may have failed the job, which drops leases: look again from the start.
      lease = session.leases.begin();
    }
  }
  for (const std::string& peer : dead) {
    end_session(sessions_.at(peer), now, "no word from it", commands);
    sessions_.erase(peer);
  }
  grant_ranges(now, commands);
  return commands;
}

// ---- granting -----------------------------------------------------------------------------------

void Coordinator::grant_ranges(Instant now, Commands& commands) {
  // Round after round, one range a session, those with fewer leases first: so that two workers
  // share four ranges two and two rather than four and none.
  std::vector<Session*> order;
  for (auto& [peer, session] : sessions_) order.push_back(&session);
  bool any = true;
  while (any && !(ready_[0].empty() && ready_[1].empty())) {
    std::stable_sort(order.begin(), order.end(), [](const Session* a, const Session* b) {
      return a->leases.size() < b->leases.size();
    });
    any = false;
    for (Session* session : order) any |= is_granted_next(*session, now, commands);
  }
}

bool Coordinator::may_take_grants(const Session& session, Instant now) const {
  if (session.granted >= session.credit_total || is_suspect(session, now)) return false;
  if (session.is_leaving || session.is_out_of_step) return false;
  if (session.leases.size() >= settings_.leases_max) return false;
  if (!session.is_in_trouble) return true;
  // A hung or broken worker is soon the one with the fewest leases. It must not fail the same range
  // again and again, and with it the job, while a sound one could do it. The only one of its kind
  // goes on: that ends in success or in an error, never in silence.
  return std::none_of(sessions_.begin(), sessions_.end(), [&](const auto& entry) {
    const Session& other = entry.second;
    return other.hello.role == session.hello.role &&
           other.hello.model_hash == session.hello.model_hash && !other.is_in_trouble &&
           !other.is_leaving && !is_suspect(other, now);
  });
}

bool Coordinator::is_granted_next(Session& session, Instant now, Commands& commands) {
  if (!may_take_grants(session, now)) return false;
  auto& ready = ready_[static_cast<int>(session.hello.role)];
  for (const ReadyKey& key : ready) {
    Range& range = ranges_.at(std::get<RangeId>(key));
    const Job& job = jobs_.at(range.record.job);
    if (range.not_before > now || !serves(session.hello, job.record)) continue;
    take_from_ready(range);
    range.state = RangeState::Leased;
    ++range.record.attempts;
    ++session.granted;
    Grant grant;
    grant.session = session.id;
    grant.range = range.record.id;
    grant.token = {epoch_, next_seq_++};
    grant.stage = range.record.stage;
    grant.frames = range.record.frames;
    grant.plan_hash = range.record.plan_hash;
    grant.lease_ms = static_cast<std::uint32_t>(settings_.lease.count());
    session.leases[range.record.id] = {.token = grant.token, .deadline = now + settings_.lease};
    commands.push_back(
        SendGrant{session.peer, std::move(grant), range.record.job, range.record.attempts});
    return true;
  }
  return false;
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
  status.trouble = trouble_;
  status.stages = {{.stage = Stage::Pose}, {.stage = Stage::Render}};
  for (const RangeId range_id : job.ranges) {
    const Range& range = ranges_.at(range_id);
    StageProgress& stage = status.stages[static_cast<std::size_t>(range.record.stage)];
    stage.frames_total += range.record.frames.size();
    if (range.state != RangeState::Committed) continue;
    stage.frames_done += range.record.frames.size();
    stage.stats.frames_with_people += range.record.stats.frames_with_people;
    stage.stats.people += range.record.stats.people;
    stage.stats.frames_kept_original += range.record.stats.frames_kept_original;
    stage.stats.decode_seconds += range.record.stats.decode_seconds;
    stage.stats.work_seconds += range.record.stats.work_seconds;
    stage.stats.encode_seconds += range.record.stats.encode_seconds;
    stage.stats.frames_undetected += range.record.stats.frames_undetected;
  }
  for (const auto& [peer, session] : sessions_) {
    StageProgress& stage = status.stages[static_cast<std::size_t>(session.hello.role)];
    ++stage.workers;
    for (const auto& [range_id, lease] : session.leases) {
      const Range& range = ranges_.at(range_id);
      if (range.record.job == id) {
        stage.frames_done += std::min(lease.frames_done, range.record.frames.size());
      }
    }
  }
  return status;
}

bool Coordinator::is_idle() const {
  return std::all_of(jobs_.begin(), jobs_.end(),
                     [](const auto& entry) { return is_final(entry.second.record.state); });
}

}  // namespace posefleet::core

#include "coordinator/core/coordinator.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/random.h"
#include "common/protocol/precision.h"

namespace posefleet::core {
namespace {

CoordinatorMessage ack(RangeId range, const Token& token) {
  return ResultAck{range, token};
}

std::string describe(const RangeRecord& range) {
  return std::string(name_of(range.stage)) + " range of job " + std::to_string(number(range.job)) +
         ", frames " + std::to_string(range.frames.first) + " to " +
         std::to_string(range.frames.end - 1);
}

// A job's poses all come from one network in one precision; what is drawn from them does not depend
// on how they were computed.
bool serves(const Hello& hello, const JobRecord& job) {
  if (hello.role == Stage::Pose) return hello.model_hash == job.model_hash;
  return hello.model_hash == model_hash_of(job.model_hash);
}

}  // namespace

Coordinator::Coordinator(Settings settings, std::uint64_t epoch, std::uint64_t seed)
    : settings_(settings), epoch_(epoch), session_seed_(seed) {}

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

// ---- sessions -----------------------------------------------------------------------------------

Coordinator::Session* Coordinator::session_of(const std::string& peer, SessionId id) {
  const auto found = sessions_.find(peer);
  if (found == sessions_.end() || found->second.id != id) return nullptr;
  return &found->second;
}

bool Coordinator::is_suspect(const Session& session, Instant now) const {
  return now - session.last_heard > settings_.heartbeat * settings_.beats_until_suspect;
}

void Coordinator::handle(const std::string& peer, const Hello& hello, Instant now,
                         Commands& commands) {
  if (hello.protocol_version != kProtocolVersion) {
    commands.push_back(SendToWorker{
        peer, Refused{"this coordinator speaks protocol version " +
                      std::to_string(kProtocolVersion) + ", the worker " +
                      std::to_string(hello.protocol_version) + ": install equal versions"}});
    return;
  }
  const auto known = sessions_.find(peer);
  // The worker repeats its Hello until it hears the Welcome: same socket, same session.
  if (known != sessions_.end() && known->second.hello.incarnation == hello.incarnation) {
    known->second.last_heard = now;
    commands.push_back(SendToWorker{peer, welcome_to(known->second, hello)});
    return;
  }
  if (known != sessions_.end()) {
    end_session(known->second, now, "another process took its connection", commands);
    sessions_.erase(known);
  }
  // Before the count: a worker that comes back takes its own place.
  std::map<RangeId, Lease> carried = leave_older_session(hello, now, commands);
  if (sessions_.size() >= settings_.sessions_max) {
    commands.push_back(
        SendToWorker{peer, Refused{"this coordinator holds its maximum of " +
                                   std::to_string(settings_.sessions_max) + " sessions"}});
    return;
  }
  Session& session = sessions_[peer];
  session.id = SessionId{Random(session_seed_ ^ (next_seq_++ << 20) ^ epoch_).next()};
  session.peer = peer;
  session.hello = hello;
  session.credit_total = hello.credit_total;
  session.last_heard = now;
  // All that the Hello lists takes room in the worker, and gives credit once it leaves it.
  session.granted = hello.held.size() + hello.unacknowledged.size();
  adopt(session, std::move(carried), now);
  commands.push_back(SendToWorker{peer, welcome_to(session, hello)});
  commands.push_back(LogLine{false, std::string(name_of(hello.role)) + " worker " + hello.worker +
                                        " joined (" + hello.device + ")"});
}

Welcome Coordinator::welcome_to(const Session& session, const Hello& hello) const {
  Welcome welcome;
  welcome.session = session.id;
  welcome.epoch = epoch_;
  welcome.heartbeat_ms = static_cast<std::uint32_t>(settings_.heartbeat.count());
  welcome.part_bytes_max = settings_.part_bytes_max;
  welcome.result_bytes_max = settings_.result_bytes_max;
  for (const HeldLease& held : hello.held) {
    const auto lease = session.leases.find(held.range);
    if (lease == session.leases.end() || lease->second.token != held.token) {
      welcome.drop.push_back({held.range, held.token});
    }
  }
  return welcome;
}

// One process has one session: an older one of the same incarnation is over. The leases that the
// worker still holds come with it, uncharged: a new connection is no failure.
std::map<RangeId, Coordinator::Lease> Coordinator::leave_older_session(const Hello& hello,
                                                                       Instant now,
                                                                       Commands& commands) {
  std::map<RangeId, Lease> carried;
  const auto older = std::find_if(sessions_.begin(), sessions_.end(), [&](const auto& entry) {
    const Hello& other = entry.second.hello;
    return other.incarnation == hello.incarnation && other.worker == hello.worker;
  });
  if (older == sessions_.end()) return carried;
  for (const HeldLease& held : hello.held) {
    const auto lease = older->second.leases.find(held.range);
    if (lease == older->second.leases.end() || lease->second.token != held.token) continue;
    carried.insert(older->second.leases.extract(lease));
  }
  end_session(older->second, now, "its worker opened a new one", commands);
  sessions_.erase(older);
  return carried;
}

// What the worker still computes for us goes on under its old token. What is not wanted, or
// somebody else's by now, gets no lease, and the Welcome says so.
void Coordinator::adopt(Session& session, std::map<RangeId, Lease> carried, Instant now) {
  for (const HeldLease& held : session.hello.held) {
    Range* range = wanted(held.range);
    if (range == nullptr) continue;
    if (const auto lease = carried.find(held.range); lease != carried.end()) {
      session.leases.insert(carried.extract(lease));
      continue;
    }
    const bool is_free = range->state == RangeState::Ready && held.token.epoch <= epoch_ &&
                         range->record.stage == session.hello.role;
    if (!is_free) continue;
    take_from_ready(*range);
    range->state = RangeState::Leased;
    session.leases[held.range] = {.token = held.token,
                                  .deadline = now + settings_.lease,
                                  .frames_done = held.frames_done,
                                  .is_executing = held.is_executing,
                                  .is_seen = true};
  }
}

void Coordinator::handle(Session& session, const Heartbeat& beat, Instant now, Commands& commands) {
  session.credit_total = std::max(session.credit_total, beat.credit_total);
  // It did not hear it the first time. What it holds comes with it into its new session.
  if (session.is_out_of_step) commands.push_back(SendToWorker{session.peer, UnknownSession{}});
  for (const HeldLease& held : beat.held) {
    const auto lease = session.leases.find(held.range);
    if (lease == session.leases.end() || lease->second.token != held.token) {
      // Our word to stop was lost. Behind a range that hangs others would wait for ever.
      commands.push_back(SendToWorker{session.peer, CancelRange{held.range, held.token}});
      continue;
    }
    lease->second.is_seen = true;
    // A range that waits behind another in the same worker makes no progress through no fault of
    // its own: its clock starts when it starts.
    const bool waits = !held.is_executing && !lease->second.is_executing;
    const bool starts = held.is_executing && !lease->second.is_executing;
    const bool moves = held.frames_done > lease->second.frames_done;
    if (waits || starts || moves) lease->second.deadline = now + settings_.lease;
    if (moves) session.is_in_trouble = false;
    lease->second.frames_done = std::max(lease->second.frames_done, held.frames_done);
    lease->second.is_executing = lease->second.is_executing || held.is_executing;
  }
}

void Coordinator::handle(Session& session, const ResultDone& result, bool is_spool_complete,
                         Instant now, Commands& commands) {
  Range* range = wanted(result.range);
  if (range == nullptr) {
    // Committed already, or its job is over: either way the worker may forget it.
    session.leases.erase(result.range);
    commands.push_back(DropSpool{session.peer, result.range});
    commands.push_back(SendToWorker{session.peer, ack(result.range, result.token)});
    return;
  }
  if (result.plan_hash != range->record.plan_hash || result.frames != range->record.frames.size() ||
      result.size == 0 || result.size > settings_.result_bytes_max) {
    commands.push_back(DropSpool{session.peer, result.range});
    commands.push_back(SendToWorker{session.peer, ack(result.range, result.token)});
    if (session.leases.erase(result.range) > 0) {
      requeue(*range, now, true,
              session.hello.worker + " sent a result that does not fit the plan (" +
                  std::to_string(result.frames) + " frames, " + std::to_string(result.size) +
                  " bytes)",
              commands);
    }
    return;
  }
  // Another copy is being committed at this moment; the resend after it gets its acknowledgement.
  if (range->state == RangeState::Committing) return;
  if (!is_spool_complete) {
    commands.push_back(DropSpool{session.peer, result.range});
    // It is computed, only not here yet: that is progress.
    if (const auto lease = session.leases.find(result.range); lease != session.leases.end()) {
      lease->second.deadline = now + settings_.lease;
    }
    // The worker offers it again after a while; asking now would only fill the disk again.
    if (!trouble_.empty()) return;
    commands.push_back(SendToWorker{session.peer, ResendResult{result.range, result.token}});
    return;
  }
  // From here the range is nobody else's: the first complete result wins.
  if (range->state == RangeState::Ready) take_from_ready(*range);
  range->state = RangeState::Committing;
  session.is_in_trouble = false;
  for (auto& [peer, other] : sessions_) {
    const auto lease = other.leases.find(result.range);
    if (lease == other.leases.end()) continue;
    if (other.id != session.id) {
      commands.push_back(SendToWorker{peer, CancelRange{result.range, lease->second.token}});
      commands.push_back(DropSpool{peer, result.range});
    }
    other.leases.erase(lease);
  }
  commands.push_back(CommitResult{session.peer, result, range->record.job});
}

void Coordinator::handle(Session& session, const Fail& fail, Instant now, Commands& commands) {
  const auto lease = session.leases.find(fail.range);
  if (lease == session.leases.end() || lease->second.token != fail.token) return;
  session.leases.erase(lease);
  commands.push_back(DropSpool{session.peer, fail.range});
  // Its credit may still say that there is room.
  if (fail.fail_class == FailClass::Returned) session.is_leaving = true;
  if (fail.fail_class == FailClass::Worker) session.is_in_trouble = true;
  Range* range = wanted(fail.range);
  if (range == nullptr) return;
  // The worker's own trouble is charged as well, or a fleet of broken workers would turn a range
  // around for ever.
  requeue(*range, now, fail.fail_class != FailClass::Returned,
          session.hello.worker + " says: " + fail.message, commands);
}

void Coordinator::end_session(Session& session, Instant now, const std::string& reason,
                              Commands& commands) {
  commands.push_back(LogLine{true, std::string(name_of(session.hello.role)) + " worker " +
                                       session.hello.worker + " is gone: " + reason});
  // Requeueing may end the job, which drops the leases of every session: take ours out first.
  const std::map<RangeId, Lease> leases = std::exchange(session.leases, {});
  for (const auto& [id, lease] : leases) {
    commands.push_back(DropSpool{session.peer, id});
    Range* range = wanted(id);
    if (range != nullptr && range->state == RangeState::Leased) {
      requeue(*range, now, lease.is_executing, session.hello.worker + " is gone", commands);
    }
  }
}

Commands Coordinator::on_peer_lost(const std::string& peer, Instant now) {
  Commands commands;
  const auto found = sessions_.find(peer);
  if (found == sessions_.end()) return commands;
  end_session(found->second, now, "its connection closed", commands);
  sessions_.erase(found);
  grant_ranges(now, commands);
  return commands;
}

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
  start_assembly_if_done(job, commands);
  grant_ranges(now, commands);
  return commands;
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

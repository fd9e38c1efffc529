// Sessions: who is there, what they hold, and what becomes of it when they are gone.
#include <algorithm>
#include <utility>

#include "common/base/random.h"
#include "coordinator/core/coordinator.h"
#include "coordinator/core/words.h"

namespace posefleet::core {

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
    end_session(known->second, now, "another process took its connection", Blame::Range, commands);
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
  session.number = next_session_++;
  session.peer = peer;
  session.hello = hello;
  session.credit_total = hello.credit_total;
  session.last_heard = now;
  session.rate = FrameRate(now);
  // All that the Hello lists takes room in the worker, and gives credit once it leaves it.
  session.granted = hello.held.size() + hello.unacknowledged.size();
  join_pool(session);
  adopt(session, std::move(carried), now);
  commands.push_back(SendToWorker{peer, welcome_to(session, hello)});
  commands.push_back(LogLine{
      false, std::string(name_of(hello.role)) + " worker " + hello.worker + " joined (" +
                 hello.device + (hello.key_name.empty() ? "" : ", key " + hello.key_name) + ")"});
}

std::uint64_t Coordinator::result_bytes_max(const Session& session) const {
  const std::uint64_t own = session.hello.result_bytes_max;
  return own == 0 ? settings_.result_bytes_max : std::min(own, settings_.result_bytes_max);
}

Welcome Coordinator::welcome_to(const Session& session, const Hello& hello) const {
  Welcome welcome;
  welcome.session = session.id;
  welcome.epoch = epoch_;
  welcome.heartbeat_ms = static_cast<std::uint32_t>(settings_.heartbeat.count());
  welcome.part_bytes_max = settings_.part_bytes_max;
  welcome.result_bytes_max = result_bytes_max(session);
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
    // Nobody ends the session of another key by telling its incarnation.
    return other.incarnation == hello.incarnation && other.worker == hello.worker &&
           other.key_name == hello.key_name;
  });
  if (older == sessions_.end()) return carried;
  Session& session = older->second;
  for (const HeldLease& held : hello.held) {
    const auto lease = session.leases.find(held.range);
    if (lease == session.leases.end() || lease->second.token != held.token) continue;
    carried.insert(*lease);
    remove_lease(session, lease);
  }
  end_session(session, now, "its worker opened a new one", Blame::Nobody, commands);
  return carried;
}

// What the worker still computes for us goes on under its old token. What is not wanted, or
// somebody else's by now, gets no lease, and the Welcome says so.
void Coordinator::adopt(Session& session, std::map<RangeId, Lease> carried, Instant now) {
  for (const HeldLease& held : session.hello.held) {
    Range* range = wanted(held.range);
    if (range == nullptr) continue;
    forgive(*range, session.hello.incarnation);
    // Once, however often it is listed.
    if (const auto lease = carried.extract(held.range)) {
      add_lease(session, held.range, lease.mapped());
      continue;
    }
    const bool is_free = range->state == RangeState::Ready && held.token.epoch <= epoch_ &&
                         range->record.stage == session.hello.role;
    if (!is_free) continue;
    take_from_ready(*range);
    range->state = RangeState::Leased;
    add_lease(session, held.range,
              {.token = held.token,
               .deadline = now + settings_.lease,
               .frames_done = held.frames_done,
               .steps = held.steps,
               .is_executing = held.is_executing,
               .is_seen = true,
               .granted_at = now,
               .started_at = now});
  }
}

void Coordinator::handle(Session& session, const Heartbeat& beat, Instant now, Commands& commands) {
  session.credit_total = std::max(session.credit_total, beat.credit_total);
  place(session);
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
    const bool moves =
        held.frames_done > lease->second.frames_done || held.steps > lease->second.steps;
    if (waits || starts || moves) lease->second.deadline = now + settings_.lease;
    if (moves) session.trouble_until = {};
    if (starts) lease->second.started_at = now;
    if (held.frames_done > lease->second.frames_done) {
      session.rate.add(held.frames_done - lease->second.frames_done, now);
    }
    lease->second.frames_done = std::max(lease->second.frames_done, held.frames_done);
    lease->second.steps = std::max(lease->second.steps, held.steps);
    lease->second.is_executing = lease->second.is_executing || held.is_executing;
  }
}

void Coordinator::handle(Session& session, const ResultDone& result, bool is_spool_complete,
                         Instant now, Commands& commands) {
  Range* range = wanted(result.range);
  if (range == nullptr) {
    // Committed already, or its job is over: either way the worker may forget it.
    remove_lease(session, result.range);
    commands.push_back(DropSpool{session.peer, result.range});
    commands.push_back(SendToWorker{session.peer, ack(result.range, result.token)});
    return;
  }
  if (result.plan_hash != range->record.plan_hash || result.frames != range->record.frames.size() ||
      result.size == 0 || result.size > result_bytes_max(session)) {
    commands.push_back(DropSpool{session.peer, result.range});
    commands.push_back(SendToWorker{session.peer, ack(result.range, result.token)});
    if (remove_lease(session, result.range) && range->state == RangeState::Leased) {
      give_back(*range, {session.hello.host, session.hello.incarnation}, Blame::Worker,
                session.hello.worker + " sent a result that does not fit the plan (" +
                    std::to_string(result.frames) + " frames, " + std::to_string(result.size) +
                    " bytes of at most " + std::to_string(result_bytes_max(session)) + ")",
                now, commands);
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
  poisoned_.erase(range->record.id);
  range->state = RangeState::Committing;
  session.trouble_until = {};
  const std::vector<Session*> holders = range->holders;
  for (Session* holder : holders) {
    const auto lease = holder->leases.find(result.range);
    if (holder == &session) {
      const Lease& mine = lease->second;
      const Instant since = mine.is_executing ? mine.started_at : mine.granted_at;
      const std::uint32_t frames = range->record.frames.size();
      session.pool->pace.add(now - since, frames);
      session.rate.add(frames - std::min(frames, mine.frames_done), now);
    } else {
      commands.push_back(
          SendToWorker{holder->peer, CancelRange{result.range, lease->second.token}});
      commands.push_back(DropSpool{holder->peer, result.range});
    }
    remove_lease(*holder, lease);
  }
  CommitResult commit{session.peer, result, range->record.job};
  if (range->record.is_quarantined) commit.result.stats.frames_kept_original = result.frames;
  commands.push_back(std::move(commit));
}

void Coordinator::handle(Session& session, const Fail& fail, Instant now, Commands& commands) {
  const auto lease = session.leases.find(fail.range);
  if (lease == session.leases.end() || lease->second.token != fail.token) return;
  remove_lease(session, lease);
  commands.push_back(DropSpool{session.peer, fail.range});
  // Its credit may still say that there is room.
  if (fail.fail_class == FailClass::Returned) session.is_leaving = true;
  place(session);
  if (fail.fail_class == FailClass::Worker) session.trouble_until = now + 2 * settings_.lease;
  Range* range = wanted(fail.range);
  if (range == nullptr) return;
  if (range->state != RangeState::Leased) return;
  // A worker's own trouble says nothing about the range, but a fleet of broken workers must not
  // turn it around for ever.
  Blame blame = Blame::Nobody;
  if (fail.fail_class == FailClass::Data) blame = Blame::Range;
  if (fail.fail_class == FailClass::Worker) blame = Blame::Worker;
  give_back(*range, {session.hello.host, session.hello.incarnation}, blame,
            session.hello.worker + " says: " + fail.message, now, commands);
}

// A range may kill its worker before a heartbeat tells that it was started; if that were charged to
// nobody, it would kill workers for ever. Ranges are started in the order of their grants, so it
// was the oldest of those that the worker had, or may have had: a grant that its later heartbeats
// do not list was lost. A worker that is merely silent may not have come to it.
std::map<RangeId, Coordinator::Lease>::iterator Coordinator::likely_killer(
    const Session& session, std::map<RangeId, Lease>& leases, Blame blame) const {
  auto found = leases.end();
  if (blame != Blame::RangeUnlessBack) return found;
  for (auto lease = leases.begin(); lease != leases.end(); ++lease) {
    if (lease->second.is_executing) return leases.end();
    const bool may_have_come = lease->second.is_seen ||
                               lease->second.granted_at + settings_.heartbeat >= session.last_heard;
    if (!may_have_come) continue;
    if (found == leases.end() || lease->second.token < found->second.token) found = lease;
  }
  return found;
}

void Coordinator::end_session(Session& session, Instant now, const std::string& reason, Blame blame,
                              Commands& commands) {
  commands.push_back(LogLine{true, std::string(name_of(session.hello.role)) + " worker " +
                                       session.hello.worker + " is gone: " + reason});
  // Requeueing may end the job, which drops the leases of every session: take ours out first.
  leave_pool(session);
  std::map<RangeId, Lease> leases = std::exchange(session.leases, {});
  for (const auto& [id, lease] : leases) forget_holder(id, session);
  const auto killer = likely_killer(session, leases, blame);
  const RangeId guess = killer == leases.end() ? RangeId{} : killer->first;
  for (const auto& [id, lease] : leases) {
    commands.push_back(DropSpool{session.peer, id});
    Range* range = wanted(id);
    if (range == nullptr || range->state != RangeState::Leased) continue;
    Blame own = lease.is_executing ? blame : Blame::Nobody;
    if (id == guess) own = Blame::RangeByGuess;
    give_back(*range, {session.hello.host, session.hello.incarnation}, own,
              session.hello.worker + " is gone: " + reason, now, commands);
  }
  sessions_.erase(sessions_.find(session.peer));
}

Commands Coordinator::on_peer_lost(const std::string& peer, Instant now) {
  Commands commands;
  const auto found = sessions_.find(peer);
  if (found == sessions_.end()) return commands;
  end_session(found->second, now, "its connection closed", Blame::RangeUnlessBack, commands);
  grant_ranges(now, commands);
  return commands;
}

Commands Coordinator::on_key_revoked(const std::string& peer, Instant now) {
  Commands commands;
  const auto found = sessions_.find(peer);
  if (found == sessions_.end()) return commands;
  // What it was executing did not fail.
  const std::string reason = "its key " + found->second.hello.key_name + " was revoked";
  end_session(found->second, now, reason, Blame::Nobody, commands);
  grant_ranges(now, commands);
  return commands;
}

}  // namespace posefleet::core

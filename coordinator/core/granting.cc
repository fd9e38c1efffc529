// Who gets which range: shares, caps, who is trusted, and second leases for stragglers.
#include <algorithm>
#include <utility>

#include "coordinator/core/coordinator.h"
#include "coordinator/core/words.h"

namespace posefleet::core {

Commands Coordinator::release_grants(Instant now) {
  Commands commands;
  holds_grants_ = false;
  if (std::exchange(are_grants_due_, false)) grant_ranges(now, commands);
  if (std::exchange(are_copies_due_, false)) copy_stragglers(now, commands);
  return commands;
}

void Coordinator::grant_ranges(Instant now, Commands& commands) {
  are_grants_due_ = are_grants_due_ || holds_grants_;
  if (holds_grants_ || !no_room_.empty()) return;
  if (ready_[0].empty() && ready_[1].empty()) return;
  // Round after round, one range a session, those with fewer leases first: so that two workers
  // share four ranges two and two rather than four and none.
  std::vector<Session*> order;
  for (auto& [peer, session] : sessions_) {
    if (may_take_grants(session, now)) order.push_back(&session);
  }
  while (!order.empty() && !(ready_[0].empty() && ready_[1].empty())) {
    std::stable_sort(order.begin(), order.end(), [](const Session* a, const Session* b) {
      return a->leases.size() < b->leases.size();
    });
    // Who got nothing gets nothing in a later round: there is only less by then.
    std::vector<Session*> granted;
    for (Session* session : order) {
      if (is_granted_next(*session, now, commands)) granted.push_back(session);
    }
    order = std::move(granted);
  }
}

bool Coordinator::is_sound(const Session& session, Instant now) const {
  return now >= session.trouble_until && !session.is_leaving && !is_suspect(session, now);
}

bool Coordinator::may_take_grants(const Session& session, Instant now) const {
  if (session.granted >= session.credit_total || is_suspect(session, now)) return false;
  if (session.is_leaving || session.is_out_of_step) return false;
  if (session.leases.size() >= settings_.leases_max) return false;
  if (now >= session.trouble_until) return true;
  // A hung or broken worker is soon the one with the fewest leases. It must not fail the same range
  // again and again, and with it the job, while a sound one could do it. The only one of its kind
  // goes on: that ends in success or in an error, never in silence.
  return std::none_of(sessions_.begin(), sessions_.end(), [&](const auto& entry) {
    const Session& other = entry.second;
    return other.hello.role == session.hello.role &&
           other.hello.model_hash == session.hello.model_hash && is_sound(other, now);
  });
}

// A worker beyond the first `workers_max` of a job gets nothing of it.
bool Coordinator::is_within_cap(const Session& session, const Job& job) const {
  if (job.record.workers_max == 0) return true;
  std::uint32_t others = 0;
  for (const auto& [peer, other] : sessions_) {
    if (other.hello.role != session.hello.role) continue;
    const bool works_on_it = std::any_of(
        other.leases.begin(), other.leases.end(),
        [&](const auto& lease) { return ranges_.at(lease.first).record.job == job.record.id; });
    if (!works_on_it) continue;
    if (other.id == session.id) return true;
    ++others;
  }
  return others < job.record.workers_max;
}

// Who failed the range leaves it for a while to one who did not, on another host first: the failure
// of a second one says more about the range, and a success ends the question.
bool Coordinator::is_left_to_others(const Range& range, const Session& session, Instant now) const {
  if (now >= range.elsewhere_until) return false;
  const std::set<Place> failed_at = places_of(range);
  const auto failed_on_host = [&](const Session& one) {
    return std::any_of(failed_at.begin(), failed_at.end(),
                       [&](const Place& place) { return place.host == one.hello.host; });
  };
  const auto failed_in_process = [&](const Session& one) {
    return failed_at.contains({one.hello.host, one.hello.incarnation});
  };
  if (!failed_on_host(session)) return false;
  const JobRecord& job = jobs_.at(range.record.job).record;
  return std::any_of(sessions_.begin(), sessions_.end(), [&](const auto& entry) {
    const Session& other = entry.second;
    if (other.hello.role != session.hello.role || !serves(other.hello, job)) return false;
    if (!is_sound(other, now) || other.is_out_of_step) return false;
    return !failed_on_host(other) || (failed_in_process(session) && !failed_in_process(other));
  });
}

// A process may execute several ranges, and its death says of all of them that they may have killed
// it. A range that is suspected runs alone from then on, so that its neighbours go free.
bool Coordinator::runs_alone(const Range& range) {
  return range.record.fails + range.charges.size() > 0;
}

bool Coordinator::is_granted_next(Session& session, Instant now, Commands& commands) {
  if (!may_take_grants(session, now)) return false;
  for (const auto& [id, lease] : session.leases) {
    if (runs_alone(ranges_.at(id))) return false;
  }
  ReadyQueue& ready = ready_[static_cast<int>(session.hello.role)];
  for (const ReadyQueue::Turn& turn : ready.turns()) {
    const Job& job = jobs_.at(std::get<JobId>(turn));
    if (!serves(session.hello, job.record) || !is_within_cap(session, job)) continue;
    for (const auto& [first, id] : ready.ranges_of(job.record.id)) {
      Range& range = ranges_.at(id);
      if (range.not_before > now || is_left_to_others(range, session, now)) continue;
      // Its turn has come: the session gets nothing else until its hands are free.
      if (runs_alone(range) && !session.leases.empty()) return false;
      ready.take(range.record);
      range.state = RangeState::Leased;
      grant(range, session, now, commands);
      return true;
    }
  }
  return false;
}

void Coordinator::grant(Range& range, Session& session, Instant now, Commands& commands) {
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
  session.leases[range.record.id] = {
      .token = grant.token, .deadline = now + settings_.lease, .granted_at = now};
  commands.push_back(
      SendGrant{session.peer, std::move(grant), range.record.job, range.record.attempts});
}

// ---- stragglers ---------------------------------------------------------------------------------

// Called after grant_ranges: whoever is still idle found nothing ready. A second lease may cost an
// execution for nothing; a range that holds up the end of a job costs everybody's waiting.
void Coordinator::copy_stragglers(Instant now, Commands& commands) {
  are_copies_due_ = holds_grants_;
  if (settings_.copies_max == 0 || holds_grants_ || !no_room_.empty()) return;
  for (auto& [peer, session] : sessions_) {
    if (!session.leases.empty() || !is_sound(session, now) || !may_take_grants(session, now)) {
      continue;
    }
    const RangeId id = straggler_for(session, now);
    if (id == RangeId{}) continue;
    Range& range = ranges_.at(id);
    commands.push_back(LogLine{false, describe(range.record) + " is slow, " + session.hello.worker +
                                          " computes it as well"});
    grant(range, session, now, commands);
  }
}

// The range that has been executing longest, beyond one and a half times what three quarters of
// its stage's ranges took, on another host: what slows a process down is mostly its host.
RangeId Coordinator::straggler_for(const Session& session, Instant now) const {
  const auto usual = pace_[static_cast<int>(session.hello.role)].slow_quarter();
  if (!usual) return {};
  std::map<RangeId, std::uint32_t> holders;
  for (const auto& [peer, other] : sessions_) {
    if (other.hello.role != session.hello.role) continue;
    for (const auto& [id, lease] : other.leases) ++holders[id];
  }
  RangeId found{};
  Instant longest{};
  for (const auto& [peer, other] : sessions_) {
    if (other.hello.role != session.hello.role || other.hello.host == session.hello.host) continue;
    for (const auto& [id, lease] : other.leases) {
      const Range& range = ranges_.at(id);
      const Job& job = jobs_.at(range.record.job);
      // What it needs may have been lost since it was granted: the first one has its copy of that.
      if (!lease.is_executing || range.state != RangeState::Leased || lacks_poses(range)) continue;
      if (holders[id] > settings_.copies_max || !serves(session.hello, job.record)) continue;
      if (!is_within_cap(session, job)) continue;
      const Instant elapsed = now - lease.started_at;
      if (2 * elapsed <= 3 * *usual * range.record.frames.size() || elapsed <= longest) continue;
      longest = elapsed;
      found = id;
    }
  }
  return found;
}

}  // namespace posefleet::core

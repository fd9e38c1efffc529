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
  for (auto& [key, pool] : pools_) grant_from(pool, key.first, now, commands);
}

// One range at a time, each to whoever has the fewest leases then: so that two workers share four
// ranges two and two rather than four and none. Who was refused is refused for the rest of the
// pass, since there is only less later: one way through `open`, in which those that were served
// come again behind.
void Coordinator::grant_from(Pool& pool, Stage stage, Instant now, Commands& commands) {
  if (pool.ready.empty() || pool.open.empty()) return;
  // Where every job has all the workers that it may have, those who hold nothing get nothing, be
  // they a thousand.
  const bool takes_new =
      std::any_of(pool.ready.turns().begin(), pool.ready.turns().end(), [&](const auto& turn) {
        const Job& job = jobs_.at(std::get<JobId>(turn));
        const auto& workers = job.workers[static_cast<std::size_t>(stage)];
        return job.record.workers_max == 0 || workers.size() < job.record.workers_max;
      });
  auto next = takes_new ? pool.open.begin() : pool.open.lower_bound({1, 0});
  while (next != pool.open.end() && !pool.ready.empty()) {
    const auto at = *next;
    is_granted_next(*pool.sessions.at(at.second), now, commands);
    next = pool.open.upper_bound(at);
  }
}

bool Coordinator::is_sound(const Session& session, Instant now) const {
  return now >= session.trouble_until && !session.is_leaving && !is_suspect(session, now);
}

bool Coordinator::may_take_grants(const Session& session, Instant now) const {
  if (!session.open_at || is_suspect(session, now)) return false;
  if (now >= session.trouble_until) return true;
  // A hung or broken worker is soon the one with the fewest leases. It must not fail the same range
  // again and again, and with it the job, while a sound one could do it. The only one of its kind
  // goes on: that ends in success or in an error, never in silence.
  const auto& others = session.pool->sessions;
  return std::none_of(others.begin(), others.end(),
                      [&](const auto& other) { return is_sound(*other.second, now); });
}

// A worker beyond the first `workers_max` of a job gets nothing of it.
bool Coordinator::is_within_cap(const Session& session, const Job& job) {
  if (job.record.workers_max == 0) return true;
  const auto& workers = job.workers[static_cast<std::size_t>(session.hello.role)];
  return workers.size() < job.record.workers_max || workers.contains(session.number);
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
  const auto& others = session.pool->sessions;
  return std::any_of(others.begin(), others.end(), [&](const auto& entry) {
    const Session& other = *entry.second;
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
  ReadyQueue& ready = session.pool->ready;
  for (const ReadyQueue::Turn& turn : ready.turns()) {
    const Job& job = jobs_.at(std::get<JobId>(turn));
    if (!is_within_cap(session, job)) continue;
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
  add_lease(session, range.record.id,
            {.token = grant.token, .deadline = now + settings_.lease, .granted_at = now});
  commands.push_back(SendGrant{session.peer, std::move(grant), range.record.job,
                               range.record.attempts, session.hello.task_bytes_max});
}

// ---- stragglers ---------------------------------------------------------------------------------

// Called after grant_ranges: whoever is still idle found nothing ready. A second lease may cost an
// execution for nothing; a range that holds up the end of a job costs everybody's waiting.
void Coordinator::copy_stragglers(Instant now, Commands& commands) {
  are_copies_due_ = holds_grants_;
  if (settings_.copies_max == 0 || holds_grants_ || !no_room_.empty()) return;
  for (auto& [key, pool] : pools_) copy_stragglers_of(pool, now, commands);
}

void Coordinator::copy_stragglers_of(Pool& pool, Instant now, Commands& commands) {
  // Those without leases stand in front.
  const auto idle_end = pool.open.lower_bound({1, 0});
  if (idle_end == pool.open.begin()) return;
  const std::vector<RangeId> slow = stragglers_of(pool, now);
  if (slow.empty()) return;
  const std::vector<std::pair<std::size_t, std::uint64_t>> idle(pool.open.begin(), idle_end);
  for (const auto& [leases, number] : idle) {
    Session& session = *pool.sessions.at(number);
    if (!is_sound(session, now) || !may_take_grants(session, now)) continue;
    const auto found = std::find_if(slow.begin(), slow.end(),
                                    [&](RangeId id) { return may_copy(session, ranges_.at(id)); });
    if (found == slow.end()) continue;
    Range& range = ranges_.at(*found);
    commands.push_back(LogLine{false, describe(range.record) + " is slow, " + session.hello.worker +
                                          " computes it as well"});
    grant(range, session, now, commands);
  }
}

// On another host: what slows a process down is mostly its host.
bool Coordinator::may_copy(const Session& session, const Range& range) const {
  if (range.holders.size() > settings_.copies_max) return false;
  const bool is_elsewhere =
      std::none_of(range.holders.begin(), range.holders.end(),
                   [&](const Session* holder) { return holder->hello.host == session.hello.host; });
  return is_elsewhere && is_within_cap(session, jobs_.at(range.record.job));
}

// Ranges that are executed for longer than one and a half times what three quarters of their pool's
// ranges took, the slowest first.
std::vector<RangeId> Coordinator::stragglers_of(const Pool& pool, Instant now) const {
  std::vector<RangeId> ids;
  const auto usual = pool.pace.slow_quarter();
  if (!usual) return ids;
  std::vector<std::pair<Instant, RangeId>> slow;
  for (const auto& [number, session] : pool.sessions) {
    for (const auto& [id, lease] : session->leases) {
      // Cheap, and mostly the end of it: a range has one frame at least.
      const Instant elapsed = now - lease.started_at;
      if (!lease.is_executing || 2 * elapsed <= 3 * *usual) continue;
      const Range& range = ranges_.at(id);
      // What it needs may have been lost since it was granted: the first one has its copy of that.
      if (range.state != RangeState::Leased || lacks_poses(range)) continue;
      if (2 * elapsed > 3 * *usual * range.record.frames.size()) slow.emplace_back(elapsed, id);
    }
  }
  std::stable_sort(slow.begin(), slow.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [elapsed, id] : slow) ids.push_back(id);
  return ids;
}

}  // namespace posefleet::core

// Who and what belongs together, kept up to date with each lease, so that an event looks at those
// whom it concerns and not at everybody.
#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/protocol/precision.h"
#include "coordinator/core/coordinator.h"

namespace posefleet::core {

// ---- pools --------------------------------------------------------------------------------------

// A job's poses all come from one network in one precision; what is drawn from them does not depend
// on how they were computed.
Coordinator::PoolKey Coordinator::key_of(const JobRecord& job, Stage stage) {
  return {stage,
          std::string(stage == Stage::Pose ? job.model_hash : model_hash_of(job.model_hash))};
}

Coordinator::Pool& Coordinator::pool_of(const RangeRecord& range) {
  return pools_[key_of(jobs_.at(range.job).record, range.stage)];
}

void Coordinator::join_pool(Session& session) {
  session.pool = &pools_[{session.hello.role, session.hello.model_hash}];
  session.pool->sessions[session.number] = &session;
  place(session);
}

void Coordinator::leave_pool(Session& session) {
  Pool& pool = *std::exchange(session.pool, nullptr);
  if (session.open_at) pool.open.erase({*session.open_at, session.number});
  session.open_at.reset();
  pool.sessions.erase(session.number);
  drop_if_empty({session.hello.role, session.hello.model_hash});
}

void Coordinator::forget_ready(const JobRecord& job) {
  for (const Stage stage : {Stage::Pose, Stage::Render}) {
    const PoolKey key = key_of(job, stage);
    const auto pool = pools_.find(key);
    if (pool == pools_.end()) continue;
    pool->second.ready.forget(job.id);
    drop_if_empty(key);
  }
}

// Names of networks come from workers and clients; what is over must not stay.
void Coordinator::drop_if_empty(const PoolKey& key) {
  const auto pool = pools_.find(key);
  const bool is_empty = pool->second.sessions.empty() && pool->second.ready.knows_no_job();
  if (is_empty) pools_.erase(pool);
}

// To be called whenever something has changed that this looks at. What changes with time alone is
// asked when a grant is due.
void Coordinator::place(Session& session) {
  const bool has_room = session.granted < session.credit_total && !session.is_leaving &&
                        !session.is_out_of_step && session.leases.size() < settings_.leases_max;
  std::optional<std::size_t> at;
  if (has_room) at = session.leases.size();
  if (at == session.open_at || session.pool == nullptr) return;
  auto& open = session.pool->open;
  if (session.open_at) open.erase({*session.open_at, session.number});
  if (at) open.insert({*at, session.number});
  session.open_at = at;
}

// ---- leases -------------------------------------------------------------------------------------

void Coordinator::add_lease(Session& session, RangeId id, const Lease& lease) {
  POSEFLEET_CHECK(session.leases.emplace(id, lease).second);
  Range& range = ranges_.at(id);
  range.holders.push_back(&session);
  ++jobs_.at(range.record.job)
        .workers[static_cast<std::size_t>(range.record.stage)][session.number];
  place(session);
}

std::map<RangeId, Coordinator::Lease>::iterator Coordinator::remove_lease(
    Session& session, std::map<RangeId, Lease>::iterator lease) {
  forget_holder(lease->first, session);
  const auto next = session.leases.erase(lease);
  place(session);
  return next;
}

// False: it had none.
bool Coordinator::remove_lease(Session& session, RangeId id) {
  const auto lease = session.leases.find(id);
  if (lease == session.leases.end()) return false;
  remove_lease(session, lease);
  return true;
}

void Coordinator::forget_holder(RangeId id, Session& session) {
  Range& range = ranges_.at(id);
  std::erase(range.holders, &session);
  auto& workers = jobs_.at(range.record.job).workers[static_cast<std::size_t>(range.record.stage)];
  const auto held = workers.find(session.number);
  if (--held->second == 0) workers.erase(held);
}

}  // namespace posefleet::core

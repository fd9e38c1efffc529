// Who is there, for people.
#include <algorithm>
#include <tuple>
#include <utility>

#include "coordinator/core/coordinator.h"

namespace posefleet::core {

WorkerInfo Coordinator::info_of(const Session& session, Instant now) const {
  const Hello& hello = session.hello;
  WorkerInfo info;
  info.session = session.id;
  info.worker = hello.worker;
  info.host = hello.host;
  info.pid = hello.pid;
  info.role = hello.role;
  info.device = hello.device;
  info.models = hello.models;
  info.model_hash = hello.model_hash;
  info.key_name = hello.key_name;
  info.state = session.is_leaving         ? WorkerState::Draining
               : is_suspect(session, now) ? WorkerState::Suspect
                                          : WorkerState::Active;
  info.frames_per_second = session.rate.per_second(now);
  info.ranges_held = static_cast<std::uint32_t>(session.leases.size());
  // Of those that it executes, the one that it was given first.
  const Lease* current = nullptr;
  for (const auto& [id, lease] : session.leases) {
    if (!lease.is_executing || (current != nullptr && current->token < lease.token)) continue;
    current = &lease;
    const RangeRecord& range = ranges_.at(id).record;
    info.job = range.job;
    info.frames = range.frames;
    info.frames_done = std::min(lease.frames_done, range.frames.size());
  }
  return info;
}

WorkerList Coordinator::workers(std::uint32_t first, Instant now) const {
  std::vector<const Session*> sessions;
  for (const auto& [peer, session] : sessions_) sessions.push_back(&session);
  std::sort(sessions.begin(), sessions.end(), [](const Session* a, const Session* b) {
    return std::tie(a->hello.host, a->hello.role, a->hello.pid, a->id) <
           std::tie(b->hello.host, b->hello.role, b->hello.pid, b->id);
  });
  WorkerList list;
  list.first = first;
  list.total = static_cast<std::uint32_t>(sessions.size());
  for (std::size_t i = first; i < sessions.size() && list.workers.size() < kWorkersListed; ++i) {
    list.workers.push_back(info_of(*sessions[i], now));
  }
  return list;
}

}  // namespace posefleet::core

#include "worker/core/worker.h"

#include <algorithm>
#include <limits>

namespace posefleet::core {
namespace {

// Grants of one session that are remembered to know a repeated one. A repetition follows closely,
// so that the oldest may be forgotten.
constexpr std::size_t kTokensMax = 4096;

}  // namespace

Worker::Worker(WorkerSettings settings, Hello hello)
    : settings_(settings), hello_(std::move(hello)) {}

WorkerCommands Worker::on_start(Instant now) {
  WorkerCommands commands;
  open_session(now, commands);
  return commands;
}

void Worker::open_session(Instant now, WorkerCommands& commands) {
  session_.reset();
  granted_.clear();
  opened_at_ = now;
  // What we hold and what is not acknowledged takes room: a coordinator that cannot store results
  // must not make us compute ever more of them.
  const std::uint64_t taken = held_.size() + kept_.size();
  credit_total_ = is_draining_ ? taken : std::max<std::uint64_t>(capacity(), taken);
  // The Hello is made once a socket. If each repetition told of its own moment, the coordinator and
  // we could start counting credit from different ones. What ends meanwhile gives credit as always.
  hello_.credit_total = credit_total_;
  hello_.held.clear();
  for (const auto& [range, held] : held_) {
    hello_.held.push_back(
        {range, held.grant.token, held.frames_done, held.is_executing, held.steps});
  }
  hello_.unacknowledged.clear();
  for (const auto& [range, kept] : kept_) hello_.unacknowledged.push_back({range, kept.done.token});
  commands.push_back(OpenSocket{});
  say_hello(now, commands);
}

void Worker::say_hello(Instant now, WorkerCommands& commands) {
  said_hello_at_ = now;
  commands.push_back(Send{hello_});
}

void Worker::beat(Instant now, WorkerCommands& commands) {
  beat_at_ = now;
  Heartbeat beat{session_->session, credit_total_, {}};
  for (const auto& [range, held] : held_) {
    beat.held.push_back({range, held.grant.token, held.frames_done, held.is_executing, held.steps});
  }
  commands.push_back(Send{std::move(beat)});
}

void Worker::start_waiting(Instant now, WorkerCommands& commands) {
  std::vector<Grant> starts;
  while (executing_ < settings_.executors && !waiting_.empty()) {
    Held& held = held_.at(waiting_.front());
    waiting_.pop_front();
    held.is_executing = true;
    ++executing_;
    starts.push_back(held.grant);
  }
  if (starts.empty()) return;
  // Said before it begins: if a range kills this process, the coordinator knows which one it was.
  if (session_) beat(now, commands);
  for (Grant& grant : starts) commands.push_back(StartRange{std::move(grant)});
}

// The range is off our hands, and the next one that waits starts.
void Worker::release(RangeId range, Instant now, WorkerCommands& commands) {
  const auto found = held_.find(range);
  if (found == held_.end()) return;
  if (found->second.is_executing) --executing_;
  held_.erase(found);
  waiting_.erase(std::remove(waiting_.begin(), waiting_.end(), range), waiting_.end());
  start_waiting(now, commands);
}

// One more may come in its place. Said at once: waiting for the next beat would leave an executor
// idle.
void Worker::give_credit(Instant now, WorkerCommands& commands) {
  if (!is_draining_) ++credit_total_;
  if (session_) beat(now, commands);
}

void Worker::leave_if_empty(WorkerCommands& commands) {
  if (!is_draining_ || has_left_ || !held_.empty() || !kept_.empty()) return;
  has_left_ = true;
  if (session_) commands.push_back(Send{Bye{session_->session}});
  commands.push_back(Leave{0, "drained"});
}

// Of this session; between two only our own is known.
std::uint64_t Worker::result_bytes_max() const {
  const std::uint64_t own = hello_.result_bytes_max;
  const std::uint64_t none = std::numeric_limits<std::uint64_t>::max();
  return std::min(own == 0 ? none : own, session_ ? session_->result_bytes_max : none);
}

// ---- messages -----------------------------------------------------------------------------------

WorkerCommands Worker::on_message(const CoordinatorMessage& message, Instant now) {
  WorkerCommands commands;
  std::visit([&](const auto& one) { handle(one, now, commands); }, message);
  leave_if_empty(commands);
  return commands;
}

void Worker::handle(const Welcome& welcome, Instant now, WorkerCommands& commands) {
  // A Welcome to a repeated Hello changes nothing; one of an older epoch is a ghost.
  if (session_ || welcome.epoch < epoch_) return;
  epoch_ = welcome.epoch;
  session_ = welcome;
  beat_at_ = now;
  for (const ResultId& drop : welcome.drop) {
    const auto held = held_.find(drop.range);
    if (held == held_.end() || held->second.grant.token != drop.token) continue;
    if (held->second.is_executing) commands.push_back(StopRange{drop.range});
    release(drop.range, now, commands);
    give_credit(now, commands);
  }
  for (auto& [range, kept] : kept_) {
    kept.done.session = welcome.session;
    kept.sent_at = now;
    commands.push_back(SendResult{kept.done, welcome.part_bytes_max});
  }
}

void Worker::handle(const Grant& grant, Instant now, WorkerCommands& commands) {
  if (!session_ || grant.session != session_->session || grant.token.epoch < epoch_) return;
  if (!granted_.insert(grant.token).second) return;  // it came twice
  if (granted_.size() > kTokensMax) granted_.erase(granted_.begin());
  const auto held = held_.find(grant.range);
  if (held != held_.end()) {
    // The same range under a newer token (the word that our lease ended was lost): what runs may go
    // on under it. Two grants, one range: the second took no room.
    held->second.grant.token = std::max(held->second.grant.token, grant.token);
    give_credit(now, commands);
    return;
  }
  if (const auto kept = kept_.find(grant.range);
      kept != kept_.end() && kept->second.done.plan_hash == grant.plan_hash) {
    // Computed already, but the result never arrived: offer it under the new token.
    kept->second.done.token = grant.token;
    kept->second.sent_at = now;
    commands.push_back(SendResult{kept->second.done, session_->part_bytes_max});
    give_credit(now, commands);
    return;
  }
  if (is_draining_) {
    commands.push_back(Send{Fail{session_->session, grant.range, grant.token, FailClass::Returned,
                                 "the worker is leaving"}});
    return;
  }
  // An older coordinator does not know what we said in the Hello.
  if (hello_.task_bytes_max > 0 && grant.task.size() > hello_.task_bytes_max) {
    commands.push_back(Send{Fail{session_->session, grant.range, grant.token, FailClass::Data,
                                 "its task has " + std::to_string(grant.task.size()) +
                                     " bytes, this worker takes at most " +
                                     std::to_string(hello_.task_bytes_max)}});
    give_credit(now, commands);
    return;
  }
  held_[grant.range] = {grant, 0, false};
  waiting_.push_back(grant.range);
  start_waiting(now, commands);
}

void Worker::handle(const ResultAck& ack, Instant now, WorkerCommands& commands) {
  const auto kept = kept_.find(ack.range);
  // An old acknowledgement that comes late must not cost us the result of another grant.
  if (kept == kept_.end() || kept->second.done.token != ack.token) return;
  kept_.erase(kept);
  commands.push_back(ForgetResult{ack.range});
  give_credit(now, commands);
}

void Worker::handle(const ResendResult& resend, Instant now, WorkerCommands&) {
  const auto kept = kept_.find(resend.range);
  if (kept == kept_.end()) return;
  // Soon, by on_tick, but not at once: a coordinator whose disk is full asks again and again.
  kept->second.sent_at = now - settings_.resend_every + settings_.hello_every;
}

void Worker::handle(const CancelRange& cancel, Instant now, WorkerCommands& commands) {
  const auto held = held_.find(cancel.range);
  if (held != held_.end() && held->second.grant.token == cancel.token) {
    if (held->second.is_executing) commands.push_back(StopRange{cancel.range});
    release(cancel.range, now, commands);
    give_credit(now, commands);
  }
  const auto kept = kept_.find(cancel.range);
  if (kept != kept_.end() && kept->second.done.token == cancel.token) {
    kept_.erase(kept);
    commands.push_back(ForgetResult{cancel.range});
    give_credit(now, commands);
  }
}

void Worker::handle(const UnknownSession&, Instant now, WorkerCommands& commands) {
  // Several of them may be under way, one for each message that we sent: the first one counts.
  if (session_) open_session(now, commands);
}

void Worker::handle(const Refused& refused, Instant, WorkerCommands& commands) {
  if (has_left_) return;
  has_left_ = true;
  commands.push_back(Leave{3, "the coordinator refuses this worker: " + refused.reason});
}

// ---- time and the executors ---------------------------------------------------------------------

WorkerCommands Worker::on_tick(Instant now) {
  WorkerCommands commands;
  if (has_left_) return commands;
  if (!session_) {
    if (now - opened_at_ >= settings_.reconnect_every) {
      open_session(now, commands);
    } else if (now - said_hello_at_ >= settings_.hello_every) {
      say_hello(now, commands);
    }
    return commands;
  }
  if (now - beat_at_ >= std::chrono::milliseconds(session_->heartbeat_ms)) beat(now, commands);
  for (auto& [range, kept] : kept_) {
    if (now - kept.sent_at < settings_.resend_every) continue;
    kept.sent_at = now;
    commands.push_back(SendResult{kept.done, session_->part_bytes_max});
  }
  leave_if_empty(commands);
  return commands;
}

void Worker::on_progress(RangeId range, std::uint32_t frames_done, std::uint32_t steps) {
  const auto held = held_.find(range);
  if (held != held_.end()) {
    held->second.frames_done = std::max(held->second.frames_done, frames_done);
    held->second.steps = std::max(held->second.steps, steps);
  }
}

WorkerCommands Worker::on_finished(RangeId range, std::uint64_t size, const std::string& sha256,
                                   const RangeStats& stats, Instant now) {
  WorkerCommands commands;
  const auto held = held_.find(range);
  if (held == held_.end()) {
    // Cancelled in its last moment.
    commands.push_back(ForgetResult{range});
    return commands;
  }
  if (size == 0 || size > result_bytes_max()) {
    commands.push_back(ForgetResult{range});
    auto failed = on_failed(range, FailClass::Data,
                            "the result has " + std::to_string(size) +
                                " bytes, the coordinator and this worker take 1 to " +
                                std::to_string(result_bytes_max()),
                            now);
    commands.insert(commands.end(), failed.begin(), failed.end());
    return commands;
  }
  const Grant& grant = held->second.grant;
  Kept kept;
  kept.done = {session_ ? session_->session : SessionId{},
               range,
               grant.token,
               grant.plan_hash,
               size,
               sha256,
               grant.frames.size(),
               stats};
  kept.sent_at = now;
  if (session_) commands.push_back(SendResult{kept.done, session_->part_bytes_max});
  kept_[range] = std::move(kept);
  release(range, now, commands);
  return commands;
}

WorkerCommands Worker::on_failed(RangeId range, FailClass fail_class, const std::string& message,
                                 Instant now) {
  WorkerCommands commands;
  const auto held = held_.find(range);
  if (held == held_.end()) return commands;
  if (session_) {
    commands.push_back(
        Send{Fail{session_->session, range, held->second.grant.token, fail_class, message}});
  }
  release(range, now, commands);
  give_credit(now, commands);
  leave_if_empty(commands);
  return commands;
}

WorkerCommands Worker::on_shut_out(Instant now) {
  WorkerCommands commands;
  if (session_ && !has_left_) open_session(now, commands);
  return commands;
}

WorkerCommands Worker::on_drain(Instant now) {
  WorkerCommands commands;
  is_draining_ = true;
  const std::deque<RangeId> waiting = waiting_;
  for (const RangeId range : waiting) {
    if (session_) {
      commands.push_back(Send{Fail{session_->session, range, held_.at(range).grant.token,
                                   FailClass::Returned, "the worker is leaving"}});
    }
    release(range, now, commands);
  }
  if (session_) beat(now, commands);
  leave_if_empty(commands);
  return commands;
}

}  // namespace posefleet::core

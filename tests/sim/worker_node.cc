#include "tests/sim/worker_node.h"

#include "tests/sim/coordinator_node.h"

namespace posefleet::sim {
namespace {

constexpr core::WorkerSettings kSettings{.executors = 1,
                                         .prefetch = 1,
                                         .hello_every = 100ms,
                                         .resend_every = 600ms,
                                         .reconnect_every = 2000ms};
constexpr std::size_t kCapacity = 2;

}  // namespace

void WorkerNode::start() {
  ++life_;
  Hello hello;
  hello.worker = place_;
  hello.role = role_;
  hello.host = host_;
  hello.model_hash = kModel;
  hello.incarnation = world_.random.next();
  rules_ = std::make_unique<core::Worker>(kSettings, hello);
  execute(rules_->on_start(world_.now));
  tick(life_);
}

void WorkerNode::close() {
  // One range that was granted may be charged: nobody can know that it was not started yet.
  ++world_.charges_to_excuse;
  closed_(peer_);
}

void WorkerNode::end_process() {
  world_.note(place_ + " ends");
  ++life_;
  rules_.reset();
  close();
  runs_.clear();
  results_.clear();
  frozen_until_ = {};
  crawls_until_ = {};
  world_.after(world_.between(100ms, 3000ms), [this] { start(); });
}

void WorkerNode::when_awake(std::function<void()> what) {
  if (rules_ == nullptr) return;
  if (frozen_until_ <= world_.now) return what();
  world_.at(frozen_until_, [this, life = life_, what = std::move(what)] {
    if (life == life_) when_awake(what);
  });
}

void WorkerNode::tick(std::uint64_t life) {
  if (life != life_) return;
  if (world_.happens(world_.faults.worker_dies) && may_be_harmed()) return end_process();
  if (world_.happens(world_.faults.worker_crawls)) {
    crawls_until_ = world_.now + world_.between(500ms, 5000ms);
    world_.note(place_ + " crawls");
  }
  if (world_.happens(world_.faults.worker_freezes) && may_be_harmed()) {
    frozen_until_ = world_.now + world_.between(200ms, 4000ms);
    world_.note(place_ + " freezes");
  }
  when_awake([this] {
    if (world_.happens(world_.faults.worker_drains)) execute(rules_->on_drain(world_.now));
    if (rules_ != nullptr) execute(rules_->on_tick(world_.now));
  });
  world_.after(50ms, [this, life] { tick(life); });
}

bool WorkerNode::may_be_harmed() {
  bool may = true;
  for (const auto& [range, run] : runs_) may &= world_.may_harm(range, run.frames);
  return may;
}

void WorkerNode::on_message(const std::string& peer, const CoordinatorMessage& message) {
  when_awake([this, peer, message] {
    if (peer != peer_) return;  // its socket is closed
    execute(rules_->on_message(message, world_.now));
    if (rules_ != nullptr && rules_->ranges_held() + results_.size() > kCapacity) {
      world_.violated(place_ + " got more ranges than it has room for");
    }
  });
}

// ---- commands -----------------------------------------------------------------------------------

void WorkerNode::execute(const core::WorkerCommands& commands) {
  const std::uint64_t life = life_;
  for (const core::WorkerCommand& command : commands) {
    std::visit([&](const auto& one) { execute_one(one); }, command);
    if (life != life_) return;
  }
}

void WorkerNode::execute_one(const core::OpenSocket&) {
  if (!peer_.empty()) close();
  peer_ = place_ + "-" + std::to_string(++sockets_);
}

void WorkerNode::execute_one(const core::Send& command) {
  WorkerMessage message = command.message;
  if (world_.breakage == Breakage::CreditIsInflated) {
    if (auto* beat = std::get_if<Heartbeat>(&message)) beat->credit_total += 3;
  }
  if (world_.breakage == Breakage::CreditIsWithheld && place_ == "pose0") {
    if (auto* beat = std::get_if<Heartbeat>(&message)) beat->credit_total = kCapacity;
  }
  if (world_.breakage == Breakage::WaitingIsExecuting) {
    if (auto* beat = std::get_if<Heartbeat>(&message)) {
      for (HeldLease& held : beat->held) held.is_executing = true;
    }
  }
  to_coordinator_(peer_, message);
}

void WorkerNode::execute_one(const core::SendResult& command) {
  const std::string& bytes = results_.at(command.done.range);
  for (std::uint64_t offset = 0; offset < bytes.size(); offset += command.part_bytes_max) {
    to_coordinator_(peer_, ResultPart{command.done.session, command.done.range, command.done.token,
                                      offset, bytes.substr(offset, command.part_bytes_max)});
  }
  to_coordinator_(peer_, command.done);
}

void WorkerNode::execute_one(const core::StartRange& command) {
  const std::uint64_t run = next_run_++;
  runs_[command.grant.range] = {run, command.grant.frames};
  ++world_.starts[command.grant.range];
  work(command.grant, run, 0);
}

bool WorkerNode::is_killed_by(const Grant& grant, std::uint32_t frames_done) const {
  return world_.poison_stage == grant.stage && grant.task != kOriginalTask &&
         grant.frames.first + frames_done == world_.poison_frame;
}

// One frame after the other, each in its time, unless it is stopped.
void WorkerNode::work(const Grant& grant, std::uint64_t run, std::uint32_t frames_done) {
  if (frames_done == grant.frames.size() / 2 && world_.happens(world_.faults.range_hangs) &&
      world_.may_harm(grant.range, grant.frames)) {
    return;
  }
  const Instant time = world_.between(5ms, 40ms) * (world_.now < crawls_until_ ? 10 : 1);
  world_.after(time, [this, grant, run, frames_done, life = life_] {
    if (life != life_) return;
    when_awake([this, grant, run, frames_done] {
      if (finish_frame(grant, run, frames_done)) work(grant, run, frames_done + 1);
    });
  });
}

// True: there is a next one.
bool WorkerNode::finish_frame(const Grant& grant, std::uint64_t run, std::uint32_t frames_done) {
  const RangeId range = grant.range;
  const auto found = runs_.find(range);
  if (found == runs_.end() || found->second.number != run) return false;
  if (is_killed_by(grant, frames_done)) {
    world_.note(place_ + " is killed by frame " + std::to_string(world_.poison_frame));
    end_process();
    return false;
  }
  if (frames_done + 1 < grant.frames.size()) {
    rules_->on_progress(range, frames_done + 1);
    return true;
  }
  runs_.erase(found);
  if (world_.happens(world_.faults.range_fails) && world_.may_harm(range, grant.frames)) {
    const auto fail_class = world_.random.chance(0.5) ? FailClass::Data : FailClass::Worker;
    execute(rules_->on_failed(range, fail_class, "as simulated", world_.now));
    return false;
  }
  const std::string bytes = result_text(range);
  results_[range] = bytes;
  execute(rules_->on_finished(range, bytes.size(), bytes, {}, world_.now));
  return false;
}

void WorkerNode::execute_one(const core::StopRange& command) {
  runs_.erase(command.range);
}

void WorkerNode::execute_one(const core::ForgetResult& command) {
  results_.erase(command.range);
}

void WorkerNode::execute_one(const core::Leave& command) {
  if (command.exit_code != 0) world_.violated(place_ + " was refused: " + command.reason);
  end_process();
}

}  // namespace posefleet::sim

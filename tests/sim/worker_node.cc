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
  hello.model_hash = kModel;
  hello.incarnation = world_.random.next();
  rules_ = std::make_unique<core::Worker>(kSettings, hello);
  execute(rules_->on_start(world_.now));
  tick(life_);
}

void WorkerNode::end_process() {
  world_.note(place_ + " ends");
  ++life_;
  rules_.reset();
  runs_.clear();
  results_.clear();
  frozen_until_ = {};
  closed_(peer_);
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
  if (world_.happens(world_.faults.worker_dies)) return end_process();
  if (world_.happens(world_.faults.worker_freezes)) {
    frozen_until_ = world_.now + world_.between(200ms, 4000ms);
    world_.note(place_ + " freezes");
  }
  when_awake([this] {
    if (world_.happens(world_.faults.worker_drains)) execute(rules_->on_drain(world_.now));
    if (rules_ != nullptr) execute(rules_->on_tick(world_.now));
  });
  world_.after(50ms, [this, life] { tick(life); });
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
  if (!peer_.empty()) closed_(peer_);
  peer_ = place_ + "-" + std::to_string(++sockets_);
}

void WorkerNode::execute_one(const core::Send& command) {
  WorkerMessage message = command.message;
  if (world_.breakage == Breakage::CreditIsInflated) {
    if (auto* beat = std::get_if<Heartbeat>(&message)) beat->credit_total += 3;
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
  runs_[command.grant.range] = run;
  work(command.grant.range, run, 0, command.grant.frames.size());
}

// One frame after the other, each in its time, unless it is stopped.
void WorkerNode::work(RangeId range, std::uint64_t run, std::uint32_t frames_done,
                      std::uint32_t frames) {
  const auto next = [this, range, run, frames_done, frames] {
    const auto found = runs_.find(range);
    if (found == runs_.end() || found->second != run) return;
    if (frames_done < frames) {
      rules_->on_progress(range, frames_done);
      return work(range, run, frames_done + 1, frames);
    }
    runs_.erase(found);
    if (world_.happens(world_.faults.range_fails)) {
      const auto fail_class = world_.random.chance(0.5) ? FailClass::Data : FailClass::Worker;
      return execute(rules_->on_failed(range, fail_class, "as simulated", world_.now));
    }
    const std::string bytes = result_text(range);
    results_[range] = bytes;
    execute(rules_->on_finished(range, bytes.size(), bytes, {}, world_.now));
  };
  if (frames_done == frames / 2 && world_.happens(world_.faults.range_hangs)) return;
  world_.after(world_.between(5ms, 60ms), [this, next, life = life_] {
    if (life == life_) when_awake(next);
  });
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

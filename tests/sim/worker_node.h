// A worker's place in the cluster: the real rules, executors that take virtual time, a socket with
// a new name each time, and deaths after which another process takes the place.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "tests/sim/virtual_time.h"
#include "worker/core/worker.h"

namespace posefleet::sim {

class WorkerNode final {
 public:
  using ToCoordinator = std::function<void(const std::string& peer, const WorkerMessage& message)>;
  using Closed = std::function<void(const std::string& peer)>;

  WorkerNode(World& world, std::string place, Stage role, ToCoordinator to_coordinator,
             Closed closed, std::string host)
      : world_(world),
        place_(std::move(place)),
        role_(role),
        to_coordinator_(std::move(to_coordinator)),
        closed_(std::move(closed)),
        host_(std::move(host)) {}

  void start();
  void on_message(const std::string& peer, const CoordinatorMessage& message);
  // Nothing computed, nothing kept.
  bool is_awake() const { return rules_ != nullptr && frozen_until_ <= world_.now; }
  bool has_session() const { return rules_ != nullptr && rules_->has_session(); }
  Stage role() const { return role_; }
  std::size_t holds() const {
    return rules_ == nullptr ? 0 : rules_->ranges_held() + results_.size();
  }
  bool is_idle() const { return rules_ != nullptr && rules_->ranges_held() + results_.size() == 0; }

 private:
  void end_process();
  void close();
  void tick(std::uint64_t life);
  void work(const Grant& grant, std::uint64_t run, std::uint32_t frames_done);
  bool finish_frame(const Grant& grant, std::uint64_t run, std::uint32_t frames_done);
  bool may_be_harmed();
  bool is_killed_by(const Grant& grant, std::uint32_t frames_done) const;
  void execute(const core::WorkerCommands& commands);
  void execute_one(const core::OpenSocket&);
  void execute_one(const core::Send& command);
  void execute_one(const core::SendResult& command);
  void execute_one(const core::StartRange& command);
  void execute_one(const core::StopRange& command);
  void execute_one(const core::ForgetResult& command);
  void execute_one(const core::Leave& command);
  // Calls `what` now, or when the process is no longer frozen, or never if it dies before.
  void when_awake(std::function<void()> what);

  World& world_;
  const std::string place_;
  const Stage role_;
  ToCoordinator to_coordinator_;
  Closed closed_;
  const std::string host_;
  std::unique_ptr<core::Worker> rules_;  // null: no process
  std::string peer_;
  struct Run {
    std::uint64_t number = 0;  // of each start
    FrameRange frames;
  };
  std::map<RangeId, Run> runs_;  // what executors compute
  std::map<RangeId, std::string> results_;
  std::uint64_t life_ = 0;
  std::uint64_t sockets_ = 0;
  std::uint64_t next_run_ = 1;
  Instant frozen_until_{};
  Instant crawls_until_{};
};

}  // namespace posefleet::sim

#include "tests/sim/cluster.h"

#include <memory>

#include "tests/sim/coordinator_node.h"
#include "tests/sim/trace.h"
#include "tests/sim/worker_node.h"

namespace posefleet::sim {
namespace {

constexpr std::uint32_t kPoseRanges = 60;
constexpr std::uint32_t kPoseFrames = 10;
constexpr std::uint32_t kRenderFrames = 35;  // not a multiple: they overlap across the edges
constexpr int kPoseWorkers = 3;
constexpr int kRenderWorkers = 2;

// When nothing goes wrong any more, the slowest thing is a range that hung just before: two leases
// and the work itself.
constexpr Instant kEndsWithin = 40s;
// Then the last acknowledgements and resends.
constexpr Instant kSettlesWithin = 10s;

Store new_store() {
  Store store;
  store.job.id = kJob;
  store.job.state = JobState::Running;
  store.job.model_hash = kModel;
  const auto add = [&](Stage stage, std::uint32_t first, std::uint32_t end) {
    core::RangeRecord record;
    record.id = RangeId{store.ranges.size() + 1};
    record.job = kJob;
    record.stage = stage;
    record.frames = {first, end};
    record.plan_hash = "plan " + std::to_string(number(record.id));
    store.ranges[record.id] = record;
  };
  constexpr std::uint32_t kFrames = kPoseRanges * kPoseFrames;
  for (std::uint32_t first = 0; first < kFrames; first += kPoseFrames) {
    add(Stage::Pose, first, first + kPoseFrames);
  }
  for (std::uint32_t first = 0; first < kFrames; first += kRenderFrames) {
    add(Stage::Render, first, std::min(kFrames, first + kRenderFrames));
  }
  return store;
}

}  // namespace

Outcome run_cluster(std::uint64_t seed, const Faults& faults, Breakage breakage) {
  World world(seed, faults, breakage);
  Store store = new_store();
  std::vector<std::unique_ptr<WorkerNode>> workers;
  CoordinatorNode coordinator(world, store,
                              [&](const std::string& peer, const CoordinatorMessage& message) {
                                if (world.is_traced)
                                  world.note("to " + peer + ": " + in_words(message));
                                world.carry("to " + peer, [&workers, peer, message] {
                                  for (const auto& worker : workers)
                                    worker->on_message(peer, message);
                                });
                              });
  const auto to_coordinator = [&](const std::string& peer, const WorkerMessage& message) {
    if (world.is_traced) world.note(peer + ": " + in_words(message));
    world.carry(peer, [&coordinator, peer, message] { coordinator.on_message(peer, message); });
  };
  const auto closed = [&](const std::string& peer) {
    if (world.happens(faults.close_unnoticed)) return;
    world.after(world.between(1ms, 500ms),
                [&coordinator, peer] { coordinator.on_peer_lost(peer); });
  };
  for (int i = 0; i < kPoseWorkers + kRenderWorkers; ++i) {
    const Stage role = i < kPoseWorkers ? Stage::Pose : Stage::Render;
    workers.push_back(std::make_unique<WorkerNode>(world, name_of(role) + std::to_string(i), role,
                                                   to_coordinator, closed));
  }
  coordinator.start();
  for (const auto& worker : workers) worker->start();

  const auto is_over = [&] { return is_final(store.job.state) || world.violations.size() > 20; };
  if (!world.run_until(faults.calm_after + kEndsWithin, is_over)) {
    world.violated("the work does not end");
  }
  Outcome outcome;
  outcome.took = world.now;
  if (store.job.state != JobState::Succeeded) world.violated("the job has not succeeded");
  const auto all_idle = [&] {
    return std::all_of(workers.begin(), workers.end(),
                       [](const auto& worker) { return worker->is_idle(); });
  };
  // The faults go on until their time is over, so count from there.
  if (!world.run_until(std::max(world.now, Instant(faults.calm_after)) + kSettlesWithin,
                       all_idle)) {
    world.violated("a worker keeps what nobody wants");
  }
  for (const auto& [id, record] : store.ranges) outcome.attempts += record.attempts;
  outcome.violations = world.violations;
  outcome.ranges = store.ranges.size();
  outcome.coordinator_deaths = coordinator.deaths();
  return outcome;
}

}  // namespace posefleet::sim

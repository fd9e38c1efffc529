#include "tests/sim/cluster.h"

#include <algorithm>
#include <map>
#include <memory>

#include "tests/sim/coordinator_node.h"
#include "tests/sim/trace.h"
#include "tests/sim/worker_node.h"

namespace posefleet::sim {
namespace {

constexpr std::uint32_t kPoseRanges = 24;
constexpr std::uint32_t kPoseFrames = 8;
constexpr std::uint32_t kRenderFrames = 30;  // not a multiple: they overlap across the edges
constexpr int kPoseWorkers = 3;
constexpr int kRenderWorkers = 2;
constexpr int kHosts = 3;
constexpr std::uint32_t kFrames = kPoseRanges * kPoseFrames;

// When nothing else goes wrong any more, the poison still kills its workers, nine times and more,
// each of which takes up to 3 s to come back, and the last deaths must be certain.
constexpr Instant kEndsWithin = 90s;
// Then the last acknowledgements and resends.
constexpr Instant kSettlesWithin = 10s;

Store new_store() {
  Store store;
  store.job.id = kJob;
  store.job.state = JobState::Running;
  store.job.model_hash = kModel;
  // As of a job whose poses are steadied.
  store.job.pose_margin = 5;
  const auto add = [&](Stage stage, std::uint32_t first, std::uint32_t end) {
    core::RangeRecord record;
    record.id = RangeId{store.ranges.size() + 1};
    record.job = kJob;
    record.stage = stage;
    record.frames = {first, end};
    record.plan_hash = "plan " + std::to_string(number(record.id));
    store.ranges[record.id] = record;
  };
  for (std::uint32_t first = 0; first < kFrames; first += kPoseFrames) {
    add(Stage::Pose, first, first + kPoseFrames);
  }
  for (std::uint32_t first = 0; first < kFrames; first += kRenderFrames) {
    add(Stage::Render, first, std::min(kFrames, first + kRenderFrames));
  }
  return store;
}

// ---- rules that are seen from above -------------------------------------------------------------

// A worker with nothing to do, while there is more ready than all of its kind hold, is given some
// soon. Looked at when nothing goes wrong: a range may then still be left to other workers for the
// time of a lease, or behind one that hung just before.
class StarvationWatch final {
 public:
  StarvationWatch(World& world, const Store& store, const CoordinatorNode& coordinator,
                  const std::vector<std::unique_ptr<WorkerNode>>& workers)
      : world_(world), store_(store), coordinator_(coordinator), workers_(workers) {}

  void start() {
    const bool was_faultless = world_.faults.calm_after == Milliseconds(0);
    patience_ = was_faultless ? Instant(500ms) : Instant(10s);
    world_.at(world_.faults.calm_after, [this] { look(); });
  }

 private:
  std::size_t ready(Stage stage) const {
    std::size_t count = 0;
    for (const auto& [id, range] : store_.ranges) {
      const bool is_open = range.stage == stage && !range.is_committed && !range.is_split &&
                           !(range.is_quarantined && stage == Stage::Pose);
      if (!is_open) continue;
      const bool waits = std::any_of(store_.ranges.begin(), store_.ranges.end(),
                                     [&, frames = range.frames](const auto& entry) {
                                       const core::RangeRecord& pose = entry.second;
                                       return stage == Stage::Render && pose.stage == Stage::Pose &&
                                              !pose.is_committed && !pose.is_split &&
                                              pose.frames.first < frames.end;
                                     });
      if (!waits) ++count;
    }
    return count;
  }
  std::uint64_t attempts_of(Stage stage) const {
    std::uint64_t sum = 0;
    for (const auto& [id, range] : store_.ranges) sum += range.stage == stage ? range.attempts : 0;
    return sum;
  }
  void look() {
    if (is_final(store_.job.state)) return;
    for (const Stage stage : {Stage::Pose, Stage::Render}) {
      std::size_t held = 0;
      for (const auto& worker : workers_) held += worker->role() == stage ? worker->holds() : 0;
      // A frame that kills whoever takes it is held too shortly to be seen.
      const std::uint64_t attempts = attempts_of(stage);
      std::uint64_t& before = attempts_[stage];
      const bool was_taken = ready(stage) == 1 && attempts != before;
      before = attempts;
      const bool is_more = coordinator_.is_alive() && ready(stage) > held && !was_taken;
      for (const auto& worker : workers_) {
        if (worker->role() != stage) continue;
        Instant& since = idle_since_[worker.get()];
        const bool is_idle =
            is_more && worker->is_awake() && worker->has_session() && worker->holds() == 0;
        if (!is_idle || since == Instant{}) since = world_.now;
        if (world_.now - since > patience_) world_.violated("a worker is starved");
      }
    }
    world_.after(100ms, [this] { look(); });
  }

  World& world_;
  const Store& store_;
  const CoordinatorNode& coordinator_;
  const std::vector<std::unique_ptr<WorkerNode>>& workers_;
  std::map<const WorkerNode*, Instant> idle_since_;
  Instant patience_{};
  std::map<Stage, std::uint64_t> attempts_;  // at the last look
};

// Each frame is in exactly one committed range of each stage, and exactly the poison frame is taken
// out.
void check_frames(World& world, const Store& store) {
  for (const Stage stage : {Stage::Pose, Stage::Render}) {
    std::vector<int> count(kFrames, 0);
    for (const auto& [id, range] : store.ranges) {
      if (range.stage != stage || range.is_split) continue;
      for (std::uint32_t frame = range.frames.first; frame < range.frames.end; ++frame) {
        count[frame] += range.is_committed ? 1 : 0;
        const bool is_poison = world.poison_stage == stage && world.poison_frame == frame;
        if (range.is_quarantined != is_poison) {
          world.violated(
              (is_poison ? "the poison frame is not taken out: " : "a sound frame is taken out: ") +
              std::to_string(frame));
        }
      }
    }
    for (std::uint32_t frame = 0; frame < kFrames; ++frame) {
      if (count[frame] == 1) continue;
      world.violated("frame " + std::to_string(frame) + " is there " +
                     std::to_string(count[frame]) + " times");
      return;
    }
  }
  const std::size_t warnings = world.poison_stage ? 1 : 0;
  if (store.job.warnings.size() != warnings) world.violated("a warning is missing, or too many");
}

}  // namespace

Outcome run_cluster(std::uint64_t seed, const Faults& faults, Breakage breakage) {
  World world(seed, faults, breakage);
  Store store = new_store();
  if (world.random.chance(faults.poison)) {
    world.poison_stage = world.random.chance(0.5) ? Stage::Pose : Stage::Render;
    world.poison_frame = static_cast<std::uint32_t>(world.random.below(kFrames));
  }
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
                                                   to_coordinator, closed,
                                                   "host" + std::to_string(i % kHosts)));
  }
  StarvationWatch watch(world, store, coordinator, workers);
  watch.start();
  coordinator.start();
  for (const auto& worker : workers) worker->start();

  const auto is_over = [&] { return is_final(store.job.state) || world.violations.size() > 20; };
  if (!world.run_until(faults.calm_after + kEndsWithin, is_over)) {
    world.violated("the work does not end");
  }
  Outcome outcome;
  outcome.took = world.now;
  if (store.job.state != JobState::Succeeded) world.violated("the job has not succeeded");
  if (store.job.state == JobState::Succeeded) check_frames(world, store);
  const auto all_idle = [&] {
    return std::all_of(workers.begin(), workers.end(),
                       [](const auto& worker) { return worker->is_idle(); });
  };
  // The faults go on until their time is over, so count from there.
  if (!world.run_until(std::max(world.now, Instant(faults.calm_after)) + kSettlesWithin,
                       all_idle)) {
    world.violated("a worker keeps what nobody wants");
  }
  for (const auto& [id, record] : store.ranges) {
    outcome.attempts += record.attempts;
    outcome.splits += record.is_split ? 1 : 0;
  }
  outcome.violations = world.violations;
  outcome.ranges = store.ranges.size();
  outcome.coordinator_deaths = coordinator.deaths();
  return outcome;
}

}  // namespace posefleet::sim

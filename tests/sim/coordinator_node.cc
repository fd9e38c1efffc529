#include "tests/sim/coordinator_node.h"

#include <deque>

namespace posefleet::sim {
namespace {

// Everything ten times faster than in life, so that a run is short; the proportions are the same.
core::Settings rules_settings(Breakage breakage) {
  core::Settings settings;
  settings.heartbeat = 200ms;
  settings.lease = 3000ms;
  settings.backoff = 50ms;
  settings.range_time_max = 20'000ms;
  // Disks lose far more here than anywhere else.
  settings.troubles_max = 1000;
  if (breakage == Breakage::CopiesHaveNoCap) settings.copies_max = 1000;
  settings.part_bytes_max = kPartBytes;
  settings.result_bytes_max = 1000;
  return settings;
}

std::string name(RangeId range) {
  return "range " + std::to_string(number(range));
}

}  // namespace

std::string result_text(RangeId range) {
  return "the result of range " + std::to_string(number(range));
}

void CoordinatorNode::start() {
  ++life_;
  ++store_.epoch;
  rules_ = std::make_unique<core::Coordinator>(rules_settings(world_.breakage), store_.epoch,
                                               world_.random.next());
  std::vector<core::RangeRecord> ranges;
  for (const auto& [id, record] : store_.ranges) ranges.push_back(record);
  rules_->restore_job(store_.job, ranges);
  if (execute(rules_->on_start(world_.now))) tick(life_);
}

void CoordinatorNode::die() {
  world_.note("the coordinator dies");
  ++deaths_;
  ++life_;
  rules_.reset();
  spool_.clear();
  group_ = {};
  is_in_pass_ = false;
  world_.after(world_.between(100ms, 2000ms), [this] { start(); });
}

void CoordinatorNode::tick(std::uint64_t life) {
  if (life != life_) return;
  if (world_.happens(world_.faults.disk_fills)) {
    disk_full_until_ = world_.now + world_.between(100ms, 3000ms);
    world_.note("the disk is full");
  }
  begin_pass();
  // Most of the time it is noticed before something fails.
  if (is_disk_full() && world_.random.chance(0.5)) rules_->on_no_room("disk full");
  if (!is_disk_full() && !execute(rules_->on_room(world_.now))) return;
  if (!execute(rules_->on_tick(world_.now))) return;
  world_.after(50ms, [this, life] { tick(life); });
}

void CoordinatorNode::on_message(const std::string& peer, const WorkerMessage& message) {
  if (rules_ == nullptr) return;
  if (const auto* part = std::get_if<ResultPart>(&message)) {
    if (rules_->on_part(peer, *part, world_.now)) add_part(peer, *part);
    return;
  }
  begin_pass();
  const auto* result = std::get_if<ResultDone>(&message);
  if (result != nullptr && world_.breakage == Breakage::ResultsAreLost) return;
  if (result != nullptr && world_.breakage == Breakage::LastWriterWins &&
      is_committed(result->range)) {
    write(*result, result->sha256);
  }
  const bool complete = result != nullptr && is_complete(peer, *result);
  execute(rules_->on_worker_message(peer, message, complete, world_.now));
}

void CoordinatorNode::on_peer_lost(const std::string& peer) {
  if (rules_ == nullptr) return;
  std::erase_if(spool_, [&](const auto& entry) { return entry.first.first == peer; });
  begin_pass();
  execute(rules_->on_peer_lost(peer, world_.now));
}

// ---- groups -------------------------------------------------------------------------------------

void CoordinatorNode::begin_pass() {
  rules_->hold_grants();
  if (is_in_pass_) return;
  is_in_pass_ = true;
  // As long as a disk takes for the group before, for instance.
  world_.after(world_.between(0ms, 10ms), [this, life = life_] { end_pass(life); });
}

void CoordinatorNode::end_pass(std::uint64_t life) {
  if (life != life_) return;
  is_in_pass_ = false;
  if (!execute(rules_->release_grants(world_.now))) return;
  rules_->hold_grants();
  core::Commands commands;
  if (!carry_out_group(commands) || !execute(std::move(commands))) return;
  if (!execute(rules_->release_grants(world_.now))) return;
  if (!group_.empty()) begin_pass();
}

bool CoordinatorNode::carry_out_group(core::Commands& commands) {
  if (group_.empty()) return true;
  // Bytes are appended, or files get their names, before the transaction.
  if (!passes()) return false;
  return write_group(commands) && send_group(commands);
}

bool CoordinatorNode::write_group(core::Commands& commands) {
  const bool is_failing = is_disk_full() || world_.happens(world_.faults.commit_fails);
  const auto append = [&](core::Commands more) {
    commands.insert(commands.end(), more.begin(), more.end());
  };
  if (is_failing) {
    Group failed = std::exchange(group_, {});
    for (const auto& [command, bytes] : failed.results) {
      append(rules_->on_commit_failed(command.peer, command.result, "disk full", world_.now));
    }
    for (const auto& message : failed.messages) {
      if (const auto* grant = std::get_if<core::SendGrant>(&message)) {
        append(rules_->on_grant_failed(grant->peer, grant->grant, "disk full", world_.now));
      } else {
        send_now(std::get<core::SendToWorker>(message));
      }
    }
    return true;
  }
  // One transaction: no death between these.
  for (const auto& [command, bytes] : group_.results) write(command.result, bytes);
  for (const auto& message : group_.messages) {
    const auto* grant = std::get_if<core::SendGrant>(&message);
    if (grant != nullptr) store_.ranges.at(grant->grant.range).attempts = grant->attempts;
  }
  if (!passes()) return false;
  for (const auto& [command, bytes] : group_.results) {
    append(rules_->on_committed(command.peer, command.result, world_.now));
  }
  return true;
}

bool CoordinatorNode::send_group(core::Commands& commands) {
  Group group = std::exchange(group_, {});
  for (const auto& message : group.messages) {
    if (!passes()) return false;
    const auto* command = std::get_if<core::SendGrant>(&message);
    if (command == nullptr) {
      send_now(std::get<core::SendToWorker>(message));
    } else if (world_.happens(world_.faults.grant_fails)) {
      const core::Commands more =
          rules_->on_grant_failed(command->peer, command->grant, "as simulated", world_.now);
      commands.insert(commands.end(), more.begin(), more.end());
    } else {
      Grant grant = command->grant;
      if (store_.ranges.at(grant.range).is_quarantined) grant.task = kOriginalTask;
      to_worker_(command->peer, grant);
    }
  }
  return true;
}

void CoordinatorNode::send_now(const core::SendToWorker& message) {
  if (const auto* ack = std::get_if<ResultAck>(&message.message);
      ack != nullptr && !is_committed(ack->range) && !store_.ranges.at(ack->range).is_split) {
    world_.violated(name(ack->range) + " is acknowledged and not committed");
  }
  to_worker_(message.peer, message.message);
}

// ---- the edge -----------------------------------------------------------------------------------

// As the real spool: a part that does not continue what is there is dropped.
void CoordinatorNode::add_part(const std::string& peer, const ResultPart& part) {
  std::string& bytes = spool_[{peer, part.range}];
  if (part.offset == 0) bytes.clear();
  if (part.offset == bytes.size()) bytes += part.bytes;
}

bool CoordinatorNode::is_complete(const std::string& peer, const ResultDone& result) const {
  if (world_.breakage == Breakage::EveryResultIsComplete) return true;
  const auto found = spool_.find({peer, result.range});
  return found != spool_.end() && found->second == result.sha256;
}

bool CoordinatorNode::is_committed(RangeId range) const {
  return store_.ranges.at(range).is_committed;
}

bool CoordinatorNode::passes() {
  if (!world_.happens(world_.faults.coordinator_dies)) return true;
  die();
  return false;
}

// What changes what a group is about waits until it is carried out.
static bool may_pass(const core::Command& command) {
  return std::holds_alternative<core::SendToWorker>(command) ||
         std::holds_alternative<core::SendGrant>(command) ||
         std::holds_alternative<core::CommitResult>(command) ||
         std::holds_alternative<core::DropSpool>(command) ||
         std::holds_alternative<core::LogLine>(command);
}

bool CoordinatorNode::execute(core::Commands commands) {
  just_lost_.clear();
  std::deque<core::Command> queue(commands.begin(), commands.end());
  while (!queue.empty()) {
    if (!passes()) return false;
    const core::Command command = std::move(queue.front());
    queue.pop_front();
    core::Commands first;
    if (!may_pass(command) && !carry_out_group(first)) return false;
    queue.insert(queue.end(), first.begin(), first.end());
    core::Commands more = std::visit([&](const auto& one) { return execute_one(one); }, command);
    if (rules_ == nullptr) return false;
    queue.insert(queue.end(), more.begin(), more.end());
  }
  if (!group_.empty()) begin_pass();
  return true;
}

core::Commands CoordinatorNode::execute_one(const core::SendToWorker& command) {
  if (group_.messages.empty()) {
    send_now(command);
  } else {
    group_.messages.push_back(command);
  }
  return {};
}

core::Commands CoordinatorNode::execute_one(const core::SendGrant& command) {
  core::RangeRecord& record = store_.ranges.at(command.grant.range);
  if (record.is_committed) world_.violated(name(record.id) + " is granted after its commit");
  if (record.is_split) world_.violated(name(record.id) + " is granted after it was split");
  if (record.is_quarantined && record.stage == Stage::Pose) {
    world_.violated(name(record.id) + " is granted although it is taken out");
  }
  if (rules_->leases_of(record.id) > 2) {
    world_.violated(name(record.id) + " is leased to more than two workers");
  }
  RangeId damaged{};
  if (record.stage == Stage::Render && !poses_are_there(record, &damaged)) {
    core::Commands commands;
    if (damaged != RangeId{}) commands = lose_artifact(damaged);
    const core::Commands more =
        rules_->on_grant_failed(command.peer, command.grant, "artifact lost", world_.now);
    commands.insert(commands.end(), more.begin(), more.end());
    return commands;
  }
  group_.messages.push_back(command);
  return {};
}

// Drawing needs the poses of all its frames; reading them may find one damaged.
bool CoordinatorNode::poses_are_there(const core::RangeRecord& render, RangeId* damaged) {
  for (const auto& [id, pose] : store_.ranges) {
    const bool overlap = pose.stage == Stage::Pose && !pose.is_split &&
                         pose.frames.first < render.frames.end &&
                         render.frames.first < pose.frames.end;
    if (!overlap) continue;
    if (just_lost_.contains(id)) return false;
    if (!pose.is_committed) {
      world_.violated(name(render.id) + " is granted before " + name(id) + " is committed");
    } else if (world_.happens(world_.faults.artifact_lost)) {
      *damaged = id;
      return false;
    }
  }
  return true;
}

core::Commands CoordinatorNode::execute_one(const core::CommitResult& command) {
  const auto found = spool_.extract({command.peer, command.result.range});
  group_.results.emplace_back(command, found.empty() ? "" : found.mapped());
  return {};
}

// What the transaction writes for a result.
void CoordinatorNode::write(const ResultDone& result, const std::string& bytes) {
  core::RangeRecord& record = store_.ranges.at(result.range);
  if (record.is_committed) world_.violated(name(record.id) + " is committed twice");
  if (record.is_split) world_.violated(name(record.id) + " is committed after it was split");
  if (bytes != result_text(record.id)) {
    world_.violated(name(record.id) + " is committed with other bytes than its own");
  }
  if (world_.breakage == Breakage::CommitsAreNotWritten) return;
  record.is_committed = true;
  record.stats = result.stats;
}

core::Commands CoordinatorNode::lose_artifact(RangeId range) {
  store_.ranges.at(range).is_committed = false;
  just_lost_.insert(range);
  return rules_->on_artifact_lost(range, "as simulated", world_.now);
}

core::Commands CoordinatorNode::execute_one(const core::DropSpool& command) {
  spool_.erase({command.peer, command.range});
  return {};
}

core::Commands CoordinatorNode::execute_one(const core::PersistFails& command) {
  if (++world_.charges[command.range] > world_.starts[command.range] &&
      --world_.charges_to_excuse < 0) {
    world_.violated(name(command.range) + " is charged more often than it was executed");
  }
  if (!is_disk_full()) store_.ranges.at(command.range).fails = command.fails;
  return {};
}

core::Commands CoordinatorNode::execute_one(const core::SplitRange& command) {
  if (is_disk_full() || world_.happens(world_.faults.commit_fails)) {
    return rules_->on_poison_failed(command.range, "disk full");
  }
  core::RangeRecord& whole = store_.ranges.at(command.range);
  if (whole.is_committed) world_.violated(name(whole.id) + " is split after its commit");
  if (whole.is_split) world_.violated(name(whole.id) + " is split twice");
  if (world_.breakage != Breakage::SplitsAreForgotten) whole.is_split = true;
  std::vector<core::RangeRecord> parts = command.parts;
  for (core::RangeRecord& part : parts) {
    part.id = RangeId{store_.ranges.size() + 1};
    part.plan_hash = "plan " + std::to_string(number(part.id));
    if (world_.breakage == Breakage::NeighboursGoWithIt) {
      part.is_quarantined = part.frames.size() == 1;
    }
    store_.ranges[part.id] = part;
    if (part.is_quarantined) world_.note("frame " + std::to_string(part.frames.first) + " is out");
  }
  if (!passes()) return {};
  return rules_->on_split(command.range, parts, world_.now);
}

core::Commands CoordinatorNode::execute_one(const core::CommitNobody& command) {
  core::RangeRecord& record = store_.ranges.at(command.range);
  if (!passes()) return {};
  if (is_disk_full() || world_.happens(world_.faults.commit_fails)) {
    return rules_->on_poison_failed(command.range, "disk full");
  }
  if (record.is_committed) world_.violated(name(record.id) + " is committed twice");
  record.is_committed = true;
  record.stats = command.stats;
  if (!passes()) return {};
  return rules_->on_quarantined(command.range, world_.now);
}

core::Commands CoordinatorNode::execute_one(const core::PersistJob& command) {
  store_.job = command.job;
  return {};
}

core::Commands CoordinatorNode::execute_one(const core::ReleaseJob& command) {
  rules_->on_released(command.job);
  if (rules_->ranges_known() > 0) world_.violated("ranges of a released job are kept");
  return {};
}

core::Commands CoordinatorNode::execute_one(const core::LogLine& command) {
  world_.note(command.text);
  return {};
}

// The ranges are in the store from the start; a job is never without them.
core::Commands CoordinatorNode::execute_one(const core::ProbeJob&) {
  world_.violated("a job with ranges is probed");
  return {};
}

core::Commands CoordinatorNode::execute_one(const core::AssembleJob& command) {
  world_.after(world_.between(50ms, 500ms), [this, job = command.job, life = life_] {
    if (life != life_) return;
    begin_pass();
    if (is_disk_full()) {
      execute(rules_->on_assembly_postponed(job, "disk full", world_.now));
      return;
    }
    const RangeId some{1 + world_.random.below(store_.ranges.size())};
    if (is_committed(some) && world_.happens(world_.faults.artifact_lost)) {
      execute(lose_artifact(some));
      return;
    }
    for (const auto& [id, record] : store_.ranges) {
      if (!record.is_committed && !record.is_split)
        world_.violated("the job is assembled without " + name(id));
    }
    execute(rules_->on_assembled(job, "{}", {}, world_.now));
  });
  return {};
}

}  // namespace posefleet::sim

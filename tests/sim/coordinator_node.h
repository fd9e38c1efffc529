// The coordinator as a process: the real rules, a store that survives them, an edge that carries
// out their commands and may die between any two.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "coordinator/core/coordinator.h"
#include "tests/sim/virtual_time.h"

namespace posefleet::sim {

inline constexpr JobId kJob{1};
inline constexpr const char* kModel = "model";
// A result is its range's text, sent in parts of that many bytes; its "hash" is the text itself.
inline constexpr std::uint64_t kPartBytes = 8;
// The task of a grant for a frame that is only to be copied.
inline constexpr const char* kOriginalTask = "original";
std::string result_text(RangeId range);

// What is on the disk. Written by commands alone.
struct Store {
  std::uint64_t epoch = 0;
  core::JobRecord job;
  std::map<RangeId, core::RangeRecord> ranges;
};

class CoordinatorNode final {
 public:
  using ToWorker = std::function<void(const std::string& peer, const CoordinatorMessage& message)>;

  CoordinatorNode(World& world, Store& store, ToWorker to_worker)
      : world_(world), store_(store), to_worker_(std::move(to_worker)) {}

  void start();
  void on_message(const std::string& peer, const WorkerMessage& message);
  void on_peer_lost(const std::string& peer);
  bool is_alive() const { return rules_ != nullptr; }
  std::uint64_t deaths() const { return deaths_; }

 private:
  void die();
  // A step on the way to the disk. False: the process died at it.
  bool passes();
  bool is_disk_full() const { return world_.now < disk_full_until_; }
  void tick(std::uint64_t life);
  void add_part(const std::string& peer, const ResultPart& part);
  bool is_complete(const std::string& peer, const ResultDone& result) const;
  bool is_committed(RangeId range) const;
  void write(const ResultDone& result, const std::string& bytes);

  // The loop reads what has come for a while, then carries out its group; see
  // coordinator/server/commit_group.h.
  void begin_pass();
  void end_pass(std::uint64_t life);
  // Steps as of the real one. False: the process died at one of them.
  bool carry_out_group(core::Commands& commands);
  bool write_group(core::Commands& commands);
  bool send_group(core::Commands& commands);
  void send_now(const core::SendToWorker& message);

  // False: the process died meanwhile, `rules_` is gone.
  bool execute(core::Commands commands);
  core::Commands execute_one(const core::SendToWorker& command);
  core::Commands execute_one(const core::SendGrant& command);
  core::Commands execute_one(const core::CommitResult& command);
  core::Commands execute_one(const core::DropSpool& command);
  core::Commands execute_one(const core::PersistFails& command);
  core::Commands execute_one(const core::SplitRange& command);
  core::Commands execute_one(const core::CommitNobody& command);
  core::Commands execute_one(const core::PersistJob& command);
  core::Commands execute_one(const core::ProbeJob& command);
  core::Commands execute_one(const core::AssembleJob& command);
  core::Commands execute_one(const core::ReleaseJob& command);
  core::Commands execute_one(const core::LogLine& command);
  core::Commands lose_artifact(RangeId range);
  bool poses_are_there(const core::RangeRecord& render, RangeId* damaged);

  World& world_;
  Store& store_;
  ToWorker to_worker_;
  std::unique_ptr<core::Coordinator> rules_;  // null: dead
  std::map<std::pair<std::string, RangeId>, std::string> spool_;
  // What waits for the next transaction.
  struct Group {
    std::vector<std::pair<core::CommitResult, std::string>> results;  // with their bytes
    std::vector<std::variant<core::SendGrant, core::SendToWorker>> messages;
    bool empty() const { return results.empty() && messages.empty(); }
  };
  Group group_;
  bool is_in_pass_ = false;
  // Lost while the present commands are carried out; those were made before the rules knew it.
  std::set<RangeId> just_lost_;
  Instant disk_full_until_{};
  std::uint64_t life_ = 0;  // events of an earlier life are void
  std::uint64_t deaths_ = 0;
};

}  // namespace posefleet::sim

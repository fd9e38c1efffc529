// The server's loop as a class; private to this folder. server.cc waits, decodes and asks the
// rules; loop_commands.cc does what they say.
#pragma once

#include <memory>

#include "common/net/socket.h"
#include "common/process/clock.h"
#include "common/process/wake.h"
#include "coordinator/server/clients.h"
#include "coordinator/server/commit_group.h"
#include "coordinator/server/disk_watch.h"
#include "coordinator/server/jobs.h"
#include "coordinator/server/pipeline_thread.h"
#include "coordinator/server/postponed.h"
#include "coordinator/server/server.h"
#include "coordinator/server/spool.h"

namespace posefleet {

// One thread.
class Server::Loop final {
 public:
  Loop(const ServerConfig& config, std::unique_ptr<Store> store, std::unique_ptr<ResultSpool> spool,
       std::uint64_t seed)
      : config_(config),
        store_(std::move(store)),
        spool_(std::move(spool)),
        jobs_(config.data_dir / "jobs"),
        disk_(config.data_dir, config.disk_free_min),
        rules_(config.rules, store_->epoch(), seed),
        group_(*store_, *spool_, jobs_,
               [this](const core::SendToWorker& message) { return send(message); }),
        clients_(rules_, *store_, jobs_, postponed_, config.jobs_max,
                 [this](core::Commands commands) { execute(std::move(commands)); }),
        pipeline_(pipeline_wake_) {}

  Status listen();
  Status take_up_jobs();
  Status run(int stop_fd);

 private:
  void receive_from_workers();
  void take_outcomes();
  void take_connection_events();
  void look_at_keys();
  void look_at_disk();
  void start_retention(Instant now);
  void tick(Instant now);
  void on_worker_bytes(const PeerMessage& message);
  void refuse_over_limit(const std::string& peer, const WorkerMessage& message,
                         const std::string& reason);
  void on_probe(const ProbeOutcome& outcome);
  void serve_source(JobId job);
  void on_assembly(const AssembleOutcome& outcome);
  // For a job whose output is watched: hands on a committed segment, or all that are there.
  void grow(JobId job, RangeId range);
  void grow_again(JobId job);
  void on_retention(const RetentionOutcome& outcome);

  // Carries out commands in order, and those that follow from them.
  void execute(core::Commands commands);
  core::Commands execute_one(const core::SendToWorker& command);
  core::Commands execute_one(const core::SendGrant& command);
  core::Commands execute_one(const core::CommitResult& command);
  Status send(const core::SendToWorker& message);
  // Makes durable what waits, and tells the rules. Returns what they command then.
  core::Commands carry_out_group();
  core::Commands execute_one(const core::DropSpool& command);
  core::Commands execute_one(const core::PersistFails& command);
  core::Commands execute_one(const core::SplitRange& command);
  core::Commands execute_one(const core::CommitNobody& command);
  core::Commands execute_one(const core::PersistJob& command);
  core::Commands execute_one(const core::ProbeJob& command);
  core::Commands execute_one(const core::AssembleJob& command);
  core::Commands execute_one(const core::ReleaseJob& command);
  core::Commands execute_one(const core::LogLine& command);
  Result<std::vector<core::RangeRecord>> split(const core::SplitRange& command);
  Status commit(const core::CommitNobody& command);
  Result<core::Commands> on_lost(const LostArtifact& lost);
  bool is_postponed(const Error& error, core::Command again);
  core::Commands on_source_lost(const core::SendGrant& command, const std::string& error);

  ServerConfig config_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<ResultSpool> spool_;
  Jobs jobs_;
  DiskWatch disk_;
  Instant retained_at_{};
  bool is_retention_under_way_ = false;
  std::unique_ptr<SourceServer> sources_;  // null: not configured
  core::Coordinator rules_;
  Postponed postponed_;
  NetContext context_;
  std::unique_ptr<Admission> admission_;
  std::unique_ptr<RouterSocket> workers_;
  CommitGroup group_;
  ClientDesk clients_;
  WakeEvent pipeline_wake_;
  PipelineThread pipeline_;
};

}  // namespace posefleet

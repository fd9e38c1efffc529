#include "coordinator/server/server.h"

#include <algorithm>
#include <random>

#include <sys/resource.h>

#include "common/process/log.h"
#include "common/wire/codec.h"
#include "coordinator/server/limits.h"
#include "coordinator/server/loop.h"

namespace posefleet {
namespace {

// Deadlines are judged that often; the shortest of them (two heartbeats) is a second or more.
constexpr std::chrono::milliseconds kTick{100};

// A pass takes at most so many messages from one socket, so that a flood on one side does not
// starve the other.
constexpr int kMessagesPerPass = 1024;

// Old outputs need not go to the minute, and looking at all of them costs the disk some reads.
constexpr std::chrono::minutes kRetentionEvery{10};

// Room around a part's bytes for the rest of its message.
constexpr std::uint64_t kPartOverhead = 64 << 10;

Status check_worker_endpoint(const ServerConfig& config) {
  if (config.worker_keys || is_local_endpoint(config.worker_endpoint)) return done();
  return rejected("workers.listen is " + config.worker_endpoint +
                  ": without workers.key and workers.allowed only ipc:// and loopback addresses "
                  "(tcp://127.0.0.1:PORT) are taken, anybody on the network could take part");
}

// Each connection takes a descriptor, and systems give 1024 unless they are asked for more.
constexpr std::uint64_t kOtherDescriptors = 512;

void make_room_for_descriptors(const ServerConfig& config) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  // A result that arrives may have its file, a job that runs its bundle, and a connection that asks
  // for a source has that.
  const std::uint64_t http = config.sources ? config.sources->connections_max : 0;
  const rlim_t wanted = config.rules.sessions_max + std::uint64_t{config.results_max} +
                        config.jobs_max + 2 * http + kOtherDescriptors;
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min(wanted, limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < wanted) {
    log_warn("limits.sessions, limits.results and limits.jobs need " + std::to_string(wanted) +
             " open files; this process may have " + std::to_string(limit.rlim_cur) +
             " (raise it: ulimit -Hn, LimitNOFILE=)");
  }
}

}  // namespace

Status Server::Loop::listen() {
  if (config_.sources) {
    POSEFLEET_TRY(sources_, SourceServer::start(*config_.sources, config_.data_dir));
    log_info("serving sources at " + sources_->base_url());
  }
  POSEFLEET_TRY(admission_, Admission::open(context_, config_.worker_keys));
  POSEFLEET_TRY(workers_, admission_->bind(context_, config_.worker_endpoint,
                                           config_.rules.part_bytes_max + kPartOverhead));
  POSEFLEET_TRY_DO(clients_.listen(context_, config_.client_endpoint));
  log_info("listening for workers on " + workers_->endpoint() + ", for clients on " +
           clients_.endpoint() + ", epoch " + std::to_string(store_->epoch()));
  return done();
}

Status Server::Loop::take_up_jobs() {
  POSEFLEET_TRY(const std::vector<StoredJob> stored, store_->jobs());
  for (const StoredJob& job : stored) {
    core::JobRecord record = job.record;
    std::vector<core::RangeRecord> ranges;
    if (is_final(record.state)) {
      // We may have been killed between its end and the removal of its files.
      jobs_.release(record.id, record.state == JobState::Succeeded);
    } else {
      jobs_.remove_temporaries(record.id);
      auto spec = parse_job_spec(job.spec);
      if (!spec) {
        // Of another version, perhaps. One such job must not keep all the others from running.
        record.state = JobState::Failed;
        record.error = spec.error().message;
        log_error("job " + std::to_string(number(record.id)) + ": " + record.error);
        POSEFLEET_TRY_DO(store_->update_job(record));
        rules_.restore_job(record, {});
        continue;
      }
      read_spec(*spec, record);
      jobs_.add(record.id, *spec);
      auto plan = load_plan(*spec, jobs_.folder_of(record.id));
      // Without its plan the job's ranges are of no use; it is probed again, which gives the same.
      if (plan) {
        POSEFLEET_TRY(ranges, store_->ranges(record.id));
        jobs_.set_plan(record.id, std::make_shared<const JobPlan>(std::move(*plan)), ranges);
        serve_source(record.id);
        POSEFLEET_TRY(const std::vector<Artifact> artifacts, store_->artifacts(record.id));
        for (const Artifact& artifact : artifacts) {
          jobs_.add_committed(record.id, artifact);
        }
        grow_again(record.id);
      }
      log_info("job " + std::to_string(number(record.id)) + " is taken up again");
    }
    rules_.restore_job(record, ranges);
  }
  look_at_disk();
  execute(rules_.on_start(now()));
  return done();
}

Status Server::Loop::run(int stop_fd) {
  Instant ticked = now();
  while (true) {
    std::vector<PollItem> items = {{.socket = workers_->handle()},
                                   {.socket = workers_->monitor_handle()},
                                   {.socket = clients_.handle()},
                                   {.fd = pipeline_wake_.fd()},
                                   {.fd = stop_fd}};
    if (admission_->door_handle() != nullptr)
      items.push_back({.socket = admission_->door_handle()});
    // What follows from a group is a group of its own: it goes out with what comes meanwhile.
    poll_readable(items, group_.empty() ? kTick : std::chrono::milliseconds(0));
    if (items[4].is_readable) return done();
    if (items[3].is_readable) pipeline_wake_.clear();
    rules_.hold_grants();
    admission_->answer_door();
    take_connection_events();
    receive_from_workers();
    clients_.answer_some(kMessagesPerPass);
    take_outcomes();
    if (now() - ticked >= kTick) {
      ticked = now();
      tick(ticked);
    }
    // Grants that the messages made possible go into the same group as their results; those that
    // the commits make possible into the next one.
    execute(rules_.release_grants(now()));
    rules_.hold_grants();
    execute(carry_out_group());
    execute(rules_.release_grants(now()));
  }
}

void Server::Loop::tick(Instant now) {
  look_at_keys();
  look_at_disk();
  start_retention(now);
  admission_->refusals().tick(now);
  execute(postponed_.take_due(now));
  execute(rules_.on_tick(now));
}

void Server::Loop::look_at_disk() {
  const DiskWatch::Change change = disk_.look();
  // Said again each time: the number in it changes.
  if (disk_.is_low()) rules_.on_no_room(disk_.reason());
  if (change == DiskWatch::Change::BecameLow) log_warn(disk_.reason());
  if (change == DiskWatch::Change::BecameRoomy) {
    log_info("the disk has room again, work goes on");
    execute(rules_.on_room(now()));
  }
}

void Server::Loop::start_retention(Instant now) {
  const bool is_due = retained_at_ == Instant{} || now - retained_at_ >= kRetentionEvery;
  if (!is_due || is_retention_under_way_) return;
  retained_at_ = now;
  is_retention_under_way_ = true;
  pipeline_.start(RetentionWork{config_.data_dir / "jobs", jobs_.released(rules_.finished_jobs()),
                                config_.retention});
}

void Server::Loop::on_retention(const RetentionOutcome& outcome) {
  is_retention_under_way_ = false;
  for (const JobId job : outcome.removed) {
    execute(rules_.on_files_removed(
        job, "its files were removed: retention.keep or retention.quota_gib was reached"));
  }
  if (outcome.removed.empty()) return;
  log_info("files of " + std::to_string(outcome.removed.size()) +
           " finished job(s) were removed, " + std::to_string(outcome.bytes >> 20) + " MiB");
}

void Server::Loop::take_connection_events() {
  const RouterEvents events = workers_->take_events();
  for (const HandshakeFailure failure : events.failures) {
    admission_->on_handshake_failure(failure, now());
  }
  for (std::uint64_t i = 0; i < events.misshapen; ++i) {
    admission_->refusals().add(Refusal::DamagedMessage,
                               "a message of more or fewer frames than one", now());
  }
  for (const int connection : events.closed) {
    const std::optional<std::string> peer = admission_->take_closed(connection);
    if (!peer) continue;
    execute(rules_.on_peer_lost(*peer, now()));
    spool_->drop_all_of(*peer);
  }
}

// Whoever was let in by a key that is no longer allowed has to go, now.
void Server::Loop::look_at_keys() {
  for (const Admission::Expelled& expelled : admission_->look_at_keys(now())) {
    execute(rules_.on_key_revoked(expelled.peer, now()));
    spool_->drop_all_of(expelled.peer);
    workers_->close_connection(expelled.connection);
  }
}

void Server::Loop::receive_from_workers() {
  for (int i = 0; i < kMessagesPerPass; ++i) {
    const std::optional<PeerMessage> message = workers_->receive();
    if (!message) return;
    on_worker_bytes(*message);
  }
}

void Server::Loop::on_worker_bytes(const PeerMessage& message) {
  auto decoded = decode_worker_message(message.bytes);
  if (!decoded) {
    admission_->on_damaged(message, decoded.error().message, now());
    return;
  }
  const Admission::Verdict verdict = admission_->judge(message, *decoded, now());
  if (verdict.must_close) workers_->close_connection(message.connection);
  if (!verdict.is_admitted) return;
  if (const Status limits = check_limits(*decoded, config_.rules.part_bytes_max); !limits) {
    refuse_over_limit(message.peer, *decoded, limits.error().message);
    return;
  }
  if (const auto* part = std::get_if<ResultPart>(&*decoded)) {
    if (!rules_.on_part(message.peer, *part, now())) return;
    const Status added = spool_->add(message.peer, *part, config_.rules.result_bytes_max);
    // The announcement that follows finds the spool incomplete.
    if (!added && added.error().code == ErrorCode::Retry) {
      rules_.on_storage_trouble(added.error().message);
    }
    if (!added && added.error().code == ErrorCode::Rejected) {
      admission_->refusals().add(Refusal::OverLimit, added.error().message, now());
    } else if (!added) {
      log_warn(added.error().message);
    }
    return;
  }
  const auto* result = std::get_if<ResultDone>(&*decoded);
  const bool is_complete = result != nullptr && spool_->is_complete(message.peer, *result);
  execute(rules_.on_worker_message(message.peer, *decoded, is_complete, now()));
}

// A worker that is over a limit from its first word on would ask for ever.
void Server::Loop::refuse_over_limit(const std::string& peer, const WorkerMessage& message,
                                     const std::string& reason) {
  admission_->refusals().add(Refusal::OverLimit, reason, now());
  if (!std::holds_alternative<Hello>(message)) return;
  execute({core::SendToWorker{peer, Refused{reason}}});
}

void Server::Loop::take_outcomes() {
  while (auto outcome = pipeline_.take()) {
    if (const auto* probe = std::get_if<ProbeOutcome>(&*outcome)) on_probe(*probe);
    if (const auto* assembly = std::get_if<AssembleOutcome>(&*outcome)) on_assembly(*assembly);
    if (const auto* removed = std::get_if<RetentionOutcome>(&*outcome)) on_retention(*removed);
  }
}

// ---- probing and assembling ---------------------------------------------------------------------

void Server::Loop::on_probe(const ProbeOutcome& outcome) {
  RunningJob* running = jobs_.find(outcome.job);
  if (running == nullptr) return;  // cancelled meanwhile
  const auto failed = [&](const Error& error) {
    if (is_postponed(error, core::ProbeJob{outcome.job})) return;
    execute(rules_.on_probe_failed(outcome.job, error.message, now()));
  };
  if (!outcome.plan) return failed(outcome.plan.error());
  auto plan = std::make_shared<const JobPlan>(*outcome.plan);
  auto ranges = store_->add_ranges(outcome.job, plan_ranges(*plan));
  if (!ranges) return failed(ranges.error());
  jobs_.set_plan(outcome.job, plan, *ranges);
  serve_source(outcome.job);
  execute(rules_.on_probed(outcome.job, *ranges, plan->warnings, now()));
}

// From the plan to the job's end.
void Server::Loop::serve_source(JobId job) {
  if (sources_ == nullptr) return;
  RunningJob& running = *jobs_.find(job);
  running.source_url = sources_->add(job, running.plan->source, running.plan->source_sha256);
}

void Server::Loop::on_assembly(const AssembleOutcome& outcome) {
  if (jobs_.find(outcome.job) == nullptr) return;
  if (outcome.assembly) {
    execute(rules_.on_assembled(outcome.job, outcome.assembly->result, outcome.assembly->warnings,
                                now()));
    return;
  }
  const auto failed = [&](const Error& error) {
    // What may pass (a full disk) does not end a job: the rules try again later.
    execute(error.code == ErrorCode::Retry
                ? rules_.on_assembly_postponed(outcome.job, error.message, now())
                : rules_.on_assembly_failed(outcome.job, error.message, now()));
  };
  if (outcome.lost.range == RangeId{}) return failed(outcome.assembly.error());
  auto commands = on_lost(outcome.lost);
  if (!commands) return failed(commands.error());
  execute(std::move(*commands));
}

// An error means that nothing has changed: while the store holds the range as committed, nobody
// could commit it again.
Result<core::Commands> Server::Loop::on_lost(const LostArtifact& lost) {
  POSEFLEET_TRY_DO(store_->uncommit_range(lost.range));
  jobs_.remove_committed(lost.range);
  return rules_.on_artifact_lost(lost.range, lost.reason, now());
}

// What may pass (a full disk) ends no job: `again` is carried out once more after a while.
bool Server::Loop::is_postponed(const Error& error, core::Command again) {
  if (error.code != ErrorCode::Retry) return false;
  log_warn(error.message + "; trying again");
  rules_.on_storage_trouble(error.message);
  postponed_.add(std::move(again), now());
  return true;
}

// ---- the outside --------------------------------------------------------------------------------

Server::Server(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(const ServerConfig& config) {
  POSEFLEET_TRY_DO(check_worker_endpoint(config));
  POSEFLEET_TRY_DO(check_client_endpoint(config.client_endpoint));
  make_room_for_descriptors(config);
  POSEFLEET_TRY(std::unique_ptr<Store> store, Store::open(config.data_dir));
  POSEFLEET_TRY(
      std::unique_ptr<ResultSpool> spool,
      ResultSpool::open(config.data_dir / "incoming", {.entries_max = config.results_max}));
  std::random_device device;
  const std::uint64_t seed = (std::uint64_t{device()} << 32) | device();
  auto loop = std::make_unique<Loop>(config, std::move(store), std::move(spool), seed);
  POSEFLEET_TRY_DO(loop->listen());
  POSEFLEET_TRY_DO(loop->take_up_jobs());
  return std::unique_ptr<Server>(new Server(std::move(loop)));
}

Status Server::run(int stop_fd) {
  return loop_->run(stop_fd);
}

}  // namespace posefleet

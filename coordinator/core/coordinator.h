// Decides which worker computes which frame range, and when a range counts as done.
//
// A range is at any moment in one place: blocked (ranges that it needs are not committed), ready,
// leased to one session, committing, or committed. A lease is our promise not to give the range to
// anyone else before its deadline; only progress extends it. We use deadlines rather than asking
// workers whether they live, because a worker stuck in a driver call answers nothing, and a
// deadline needs no answer. Execution may repeat; a commit happens once: the first result whose
// plan hash and frame count are right wins, whoever computed it, in whichever session or epoch.
//
// Pure: events and the time go in, commands come out in the order in which they must be carried
// out. A command that changes the store (`Persist...`, `CommitResult`) stands before every message
// that relies on it. One thread calls it; there is no lock, clock, socket or file.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "common/protocol/client.h"
#include "common/protocol/ids.h"
#include "common/protocol/messages.h"

namespace posefleet::core {

using Instant = std::chrono::nanoseconds;

struct Settings {
  // A worker beats that often. Two missed beats: no more grants; six: the session is dead.
  std::chrono::milliseconds heartbeat{1000};
  int beats_until_suspect = 2;
  int beats_until_dead = 6;
  // How long a range may show no progress. A batch of 8 crops of the full network takes 7 s on two
  // CPU cores; four times that is slow, beyond it something is wrong.
  std::chrono::milliseconds lease{30'000};
  // That many failures charged to a range end its job.
  std::uint32_t fails_max = 3;
  // A range that failed waits that long, times the number of its failures.
  std::chrono::milliseconds backoff{200};
  std::uint32_t sessions_max = 1024;
  // Ranges that one session may hold, whatever credit it claims: a broken worker must not hoard all
  // of a job. A large machine's worker holds some dozen.
  std::uint32_t leases_max = 256;
  std::uint64_t part_bytes_max = 1 << 20;
  std::uint64_t result_bytes_max = 256ULL << 20;
};

// As the store holds it.
struct RangeRecord {
  RangeId id{};
  JobId job{};
  Stage stage = Stage::Pose;
  FrameRange frames;
  std::string plan_hash;
  bool is_committed = false;
  std::uint32_t attempts = 0;
  std::uint32_t fails = 0;
  RangeStats stats;  // of the committed result
  bool operator==(const RangeRecord&) const = default;
};

struct JobRecord {
  JobId id{};
  JobState state = JobState::Submitted;
  std::string model_hash;  // with the precision: a network_id (common/protocol/precision.h)
  std::string error;
  std::string result;
  std::vector<std::string> warnings;
  bool operator==(const JobRecord&) const = default;
};

// ---- commands -----------------------------------------------------------------------------------

// `peer` is the identity of a connection, as the edge knows it.
struct SendToWorker {
  std::string peer;
  CoordinatorMessage message;
};
// Store `attempts` of the range, then send the grant, its task made from the plan. If that cannot
// be done, say so by on_grant_failed.
struct SendGrant {
  std::string peer;
  Grant grant;
  JobId job{};
  std::uint32_t attempts = 0;
};
// Make the spooled bytes durable and the range committed, then say so by on_committed.
struct CommitResult {
  std::string peer;
  ResultDone result;
  JobId job{};
};
struct DropSpool {
  std::string peer;
  RangeId range{};
};
struct PersistFails {
  RangeId range{};
  std::uint32_t fails = 0;
};
struct PersistJob {
  JobRecord job;
};
struct ProbeJob {
  JobId job{};
};
struct AssembleJob {
  JobId job{};
};
// The job is over; its working files may go.
struct ReleaseJob {
  JobId job{};
};
struct LogLine {
  bool is_warning = false;
  std::string text;
};

using Command = std::variant<SendToWorker, SendGrant, CommitResult, DropSpool, PersistFails,
                             PersistJob, ProbeJob, AssembleJob, ReleaseJob, LogLine>;
using Commands = std::vector<Command>;

// ---- the state machine --------------------------------------------------------------------------

class Coordinator final {
 public:
  // `epoch` is the store's, raised by one at each start. `seed` feeds the session numbers.
  Coordinator(Settings settings, std::uint64_t epoch, std::uint64_t seed);

  // What the store holds at start, and a new job: records first, then start it.
  void restore_job(const JobRecord& job, const std::vector<RangeRecord>& ranges);
  Commands on_start(Instant now);
  Commands on_job_submitted(const JobRecord& job, Instant now);

  Commands on_probed(JobId job, const std::vector<RangeRecord>& ranges,
                     const std::vector<std::string>& warnings, Instant now);
  Commands on_probe_failed(JobId job, const std::string& error, Instant now);
  Commands on_assembled(JobId job, const std::string& result,
                        const std::vector<std::string>& warnings, Instant now);
  Commands on_assembly_failed(JobId job, const std::string& error, Instant now);
  Commands on_cancel(JobId job, Instant now);
  // A committed result turned out to be missing or damaged: the range is computed again.
  Commands on_artifact_lost(RangeId range, const std::string& reason, Instant now);

  // Any message but parts, which the edge spools. For a ResultDone, `is_spool_complete` says
  // whether the spooled bytes have the announced size and hash.
  Commands on_worker_message(const std::string& peer, const WorkerMessage& message,
                             bool is_spool_complete, Instant now);
  // Whether the part is to be spooled: only from sessions that we know, for ranges that are wanted.
  // A part is a word of its worker and progress of its range, like a heartbeat: on a slow link the
  // heartbeats wait behind the parts.
  bool on_part(const std::string& peer, const ResultPart& part, Instant now);
  Commands on_committed(const std::string& peer, const ResultDone& result, Instant now);
  Commands on_commit_failed(const std::string& peer, const ResultDone& result,
                            const std::string& error, Instant now);
  // Bytes of results cannot be written (a full disk): nobody is asked to send them again at once.
  // The next commit that succeeds ends it.
  void on_storage_trouble(const std::string& error) { trouble_ = error; }
  Commands on_grant_failed(const std::string& peer, const Grant& grant, const std::string& error,
                           Instant now);
  Commands on_peer_lost(const std::string& peer, Instant now);
  // Its session ends, uncharged: the ranges are not at fault.
  Commands on_key_revoked(const std::string& peer, Instant now);
  Commands on_tick(Instant now);

  // Null: no such job.
  const JobRecord* find_job(JobId job) const;
  JobStatus status(JobId job) const;
  bool is_idle() const;  // no job that is not final

 private:
  enum class RangeState { Blocked, Ready, Leased, Committing, Committed };

  struct Range {
    RangeRecord record;
    RangeState state = RangeState::Blocked;
    std::uint32_t blocked_on = 0;  // pose ranges that it needs and that are not committed
    std::vector<RangeId> unlocks;
    std::vector<RangeId> needs;
    Instant not_before{};  // backoff
  };

  struct Lease {
    Token token;
    Instant deadline{};
    std::uint32_t frames_done = 0;
    std::uint32_t steps = 0;
    bool is_executing = false;
    bool is_seen = false;  // a heartbeat listed it: the grant was not lost
    std::uint64_t bytes_arrived = 0;
  };

  struct Session {
    SessionId id{};
    std::string peer;
    Hello hello;
    std::uint64_t granted = 0;  // counted like credit_total: with what the Hello listed
    std::uint64_t credit_total = 0;
    Instant last_heard{};
    bool is_leaving = false;  // it gave a range back
    // A grant to it was lost: it shall open a new session, and gets nothing in this one.
    bool is_out_of_step = false;
    // It let a lease end or failed by its own fault, and has shown no progress since.
    bool is_in_trouble = false;
    std::map<RangeId, Lease> leases;
  };

  struct Job {
    JobRecord record;
    std::vector<RangeId> ranges;
    std::uint32_t open_ranges = 0;
    std::uint64_t retries = 0;
  };

  // Ready ranges by urgency: older jobs first, then the order in which the assembly wants them.
  using ReadyKey = std::tuple<JobId, std::uint32_t, RangeId>;

  void add_ranges(Job& job, const std::vector<RangeRecord>& ranges);
  void make_ready(Range& range, Instant not_before);
  void take_from_ready(const Range& range);
  void grant_ranges(Instant now, Commands& commands);
  bool is_granted_next(Session& session, Instant now, Commands& commands);
  bool may_take_grants(const Session& session, Instant now) const;
  void requeue(Range& range, Instant now, bool is_charged, const std::string& reason,
               Commands& commands);
  void end_session(Session& session, Instant now, const std::string& reason, Commands& commands);
  void finish_job(Job& job, JobState state, const std::string& error, Commands& commands);
  void drop_leases(Job& job, Commands& commands);
  void start_assembly_if_done(Job& job, Commands& commands);
  void warn_of_detector(Job& job, const std::string& peer, Commands& commands);
  Session* session_of(const std::string& peer, SessionId id);
  bool is_suspect(const Session& session, Instant now) const;
  Range* wanted(RangeId id);

  Welcome welcome_to(const Session& session, const Hello& hello) const;
  std::map<RangeId, Lease> leave_older_session(const Hello& hello, Instant now, Commands& commands);
  void adopt(Session& session, std::map<RangeId, Lease> carried, Instant now);
  void handle(const std::string& peer, const Hello& hello, Instant now, Commands& commands);
  void handle(Session& session, const Heartbeat& beat, Instant now, Commands& commands);
  void handle(Session& session, const ResultDone& result, bool is_spool_complete, Instant now,
              Commands& commands);
  void handle(Session& session, const Fail& fail, Instant now, Commands& commands);

  Settings settings_;
  std::uint64_t epoch_;
  std::uint64_t next_seq_ = 1;
  std::uint64_t session_seed_;
  std::map<JobId, Job> jobs_;
  std::map<RangeId, Range> ranges_;
  std::string trouble_;  // why the last result could not be stored; empty: it could
  std::map<std::string, Session> sessions_;  // by peer
  std::set<ReadyKey> ready_[2];              // by stage
};

}  // namespace posefleet::core

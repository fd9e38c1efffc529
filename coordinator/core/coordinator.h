// Decides which worker computes which frame range, and when a range counts as done.
//
// A range is at any moment in one place: blocked (poses that it needs are not committed), ready,
// leased (to one session, or to two when the first is slow), committing, committed, or poisoned: it
// failed so often that it is being cut in halves, or taken out if it is a single frame. A lease is
// our promise not to give the range to anyone else before its deadline; only progress extends it.
// We use deadlines rather than asking workers whether they live, because a worker stuck in a driver
// call answers nothing, and a deadline needs no answer. Execution may repeat; a commit happens
// once: the first result whose plan hash and frame count are right wins, whoever computed it, in
// whichever session or epoch.
//
// Pure: events and the time go in, commands come out in the order in which they must be carried
// out. A command that changes the store (`Persist...`, `CommitResult`) stands before every message
// that relies on it. One thread calls it; there is no lock, clock, socket or file.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "coordinator/core/commands.h"
#include "coordinator/core/frame_rate.h"
#include "coordinator/core/pace.h"
#include "coordinator/core/pose_prefix.h"
#include "coordinator/core/ready_queue.h"

namespace posefleet::core {

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
  // The output could not be written for a reason that may pass: it is tried again after a while.
  Commands on_assembly_postponed(JobId job, const std::string& error, Instant now);
  // A finished job's files are gone; whoever asks for them shall know why.
  Commands on_files_removed(JobId job, const std::string& reason);
  // The source is not what was planned with: the job fails, whatever it is doing.
  Commands on_source_lost(JobId job, const std::string& error, Instant now);
  Commands on_cancel(JobId job, Instant now);
  // ReleaseJob was carried out, and everything that was commanded before it: nothing that the edge
  // still does is about the job's ranges, and they are forgotten. Its record and counts stay.
  void on_released(JobId job);
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
  // The next commit, plan or output that can be stored ends it.
  void on_storage_trouble(const std::string& error) { trouble_ = error; }
  // The disk is nearly full. Nothing new is granted or assembled until there is room; what is
  // leased goes on, since room was left for its results.
  void on_no_room(const std::string& reason) { no_room_ = reason; }
  Commands on_room(Instant now);
  Commands on_grant_failed(const std::string& peer, const Grant& grant, const std::string& error,
                           Instant now);
  // The worker takes no task of that size. It counts as a failure of the range, so that a range
  // that nobody takes is cut into halves until it fits.
  Commands on_grant_too_large(const std::string& peer, const Grant& grant, std::uint64_t bytes,
                              Instant now);
  // The answers to SplitRange and CommitNobody. `parts` carry their ids and plan hashes.
  Commands on_split(RangeId range, const std::vector<RangeRecord>& parts, Instant now);
  Commands on_quarantined(RangeId range, Instant now);
  Commands on_poison_failed(RangeId range, const std::string& error);
  Commands on_peer_lost(const std::string& peer, Instant now);
  // Its session ends, uncharged: the ranges are not at fault.
  Commands on_key_revoked(const std::string& peer, Instant now);
  Commands on_tick(Instant now);

  // Between these two, events give no grants; the second gives those of all of them together. An
  // edge that has many events at once need not have all sessions looked through for each.
  void hold_grants() { holds_grants_ = true; }
  Commands release_grants(Instant now);

  // Null: no such job.
  const JobRecord* find_job(JobId job) const;
  JobStatus status(JobId job) const;
  std::size_t ranges_known() const { return ranges_.size(); }
  // At most kWorkersListed of them, in the order of their names, those before `first` left out.
  WorkerList workers(std::uint32_t first, Instant now) const;
  std::size_t leases_of(RangeId range) const;
  std::vector<JobId> finished_jobs() const;
  bool is_idle() const { return open_jobs_.empty(); }  // no job that is not final

 private:
  enum class RangeState { Blocked, Ready, Leased, Committing, Committed, Poisoned, Split };
  // Whose fault it is that a range comes back.
  enum class Blame {
    Nobody,
    Range,   // it failed, or its worker died or hung over it
    Worker,  // or a disk: something that another attempt may do without
    // Its worker's connection closed: the range's fault, unless the worker comes back with it.
    RangeUnlessBack,
    // The same, and nobody said that it was being executed.
    RangeByGuess,
  };

  // Where a range was when it failed.
  struct Place {
    std::string host;
    std::uint64_t incarnation = 0;
    auto operator<=>(const Place&) const = default;
  };
  // A death that may turn out to be a cut connection.
  struct Charge {
    Place place;
    Instant due{};
    std::string reason;
  };

  struct Session;

  struct Range {
    RangeRecord record;
    RangeState state = RangeState::Blocked;
    std::vector<Session*> holders;  // that have a lease of it, in the order of these
    Instant not_before{};           // backoff
    std::uint32_t troubles = 0;
    std::uint32_t guesses = 0;  // of a single frame
    std::set<Place> failed_at;
    std::vector<Charge> charges;
    std::string last_failure;
    Instant elsewhere_until{};  // workers that failed it leave it to others that are there
  };

  struct Lease {
    Token token;
    Instant deadline{};
    std::uint32_t frames_done = 0;
    std::uint32_t steps = 0;
    bool is_executing = false;
    bool is_seen = false;  // a heartbeat listed it: the grant was not lost
    std::uint64_t bytes_arrived = 0;
    Instant granted_at{};
    Instant started_at{};  // once it is executing
  };

  // The ranges of one stage that one network computes, and the sessions that have it. Nothing in
  // one pool depends on another, so that a fleet of other models costs a job nothing.
  struct Pool {
    ReadyQueue ready;
    Pace pace;
    std::map<std::uint64_t, Session*> sessions;  // by number
    // Those of them that have room, in the order in which they are served: who has the fewest
    // leases, then who came first.
    std::set<std::pair<std::size_t, std::uint64_t>> open;
  };
  using PoolKey = std::pair<Stage, std::string>;  // the network's id; for drawing the model's hash

  struct Session {
    SessionId id{};
    std::uint64_t number = 0;  // in the order of their coming
    Pool* pool = nullptr;
    std::optional<std::size_t> open_at;  // its leases as `open` knows them; nothing: not in there
    std::string peer;
    Hello hello;
    std::uint64_t granted = 0;  // counted like credit_total: with what the Hello listed
    std::uint64_t credit_total = 0;
    Instant last_heard{};
    bool is_leaving = false;  // it gave a range back
    // A grant to it was lost: it shall open a new session, and gets nothing in this one.
    bool is_out_of_step = false;
    // It let a lease end or failed by its own fault, and has shown no progress since. Not for ever:
    // it can show none while it gets nothing.
    Instant trouble_until{};
    std::map<RangeId, Lease> leases;
    FrameRate rate;
  };

  struct Job {
    JobRecord record;
    std::vector<RangeId> ranges;  // none once it is released
    PosePrefix poses;
    // Render ranges that lack poses, by the frame until which they need them.
    std::set<std::pair<std::uint32_t, RangeId>> waiting;
    std::uint32_t open_ranges = 0;
    StageProgress progress[2];  // by stage: what is committed, of all
    // By stage: who holds leases of it, by number, and how many.
    std::map<std::uint64_t, std::uint32_t> workers[2];
    std::uint64_t retries = 0;
    std::uint32_t assemblies = 0;
    Instant assembly_not_before{};
  };

  // ranges.cc
  void add_ranges(Job& job, const std::vector<RangeRecord>& ranges);
  void count_progress(Job& job);
  std::uint32_t needs_poses_until(const Range& range) const;
  bool lacks_poses(const Range& range) const;
  void release_waiting(Job& job);
  void make_ready(Range& range, Instant not_before);
  void take_from_ready(const Range& range);
  Range* wanted(RangeId id);
  void close_range(Range& range, const RangeStats& stats, Commands& commands);
  void give_back(Range& range, const Place& place, Blame blame, const std::string& reason,
                 Instant now, Commands& commands);

  // poison.cc
  void settle(Range& range, Instant now, Commands& commands);
  void charge(Range& range, const Place& place, const std::string& reason, Commands& commands);
  void take_charges_that_are_due(Instant now, Commands& commands);
  void forgive(Range& range, std::uint64_t incarnation);
  static std::set<Place> places_of(const Range& range);
  bool has_better_place(const Range& range, Instant now);
  void poison(Range& range, Instant now, Commands& commands);
  void carry_out_poison(Range& range, Instant now, Commands& commands);
  std::uint32_t bad_frames(const Job& job, Stage stage) const;
  void warn_of_quarantine(Job& job, const RangeRecord& frame, const std::string& reason);

  // pools.cc
  static PoolKey key_of(const JobRecord& job, Stage stage);
  Pool& pool_of(const RangeRecord& range);
  void join_pool(Session& session);
  void leave_pool(Session& session);
  void forget_ready(const JobRecord& job);
  void drop_if_empty(const PoolKey& key);
  void place(Session& session);
  void add_lease(Session& session, RangeId id, const Lease& lease);
  std::map<RangeId, Lease>::iterator remove_lease(Session& session,
                                                  std::map<RangeId, Lease>::iterator lease);
  bool remove_lease(Session& session, RangeId id);
  void forget_holder(RangeId id, Session& session);

  // granting.cc
  void grant_ranges(Instant now, Commands& commands);
  void grant_from(Pool& pool, Stage stage, Instant now, Commands& commands);
  bool is_granted_next(Session& session, Instant now, Commands& commands);
  void grant(Range& range, Session& session, Instant now, Commands& commands);
  void copy_stragglers(Instant now, Commands& commands);
  void copy_stragglers_of(Pool& pool, Instant now, Commands& commands);
  std::vector<RangeId> stragglers_of(const Pool& pool, Instant now) const;
  bool may_copy(const Session& session, const Range& range) const;
  bool may_take_grants(const Session& session, Instant now) const;
  bool is_sound(const Session& session, Instant now) const;
  static bool runs_alone(const Range& range);
  static bool is_within_cap(const Session& session, const Job& job);
  bool is_left_to_others(const Range& range, const Session& session, Instant now) const;

  // The session is gone afterwards.
  void end_session(Session& session, Instant now, const std::string& reason, Blame blame,
                   Commands& commands);
  std::map<RangeId, Lease>::iterator likely_killer(const Session& session,
                                                   std::map<RangeId, Lease>& leases,
                                                   Blame blame) const;
  void end_lease(Session& session, RangeId id, const std::string& reason, Instant now,
                 Commands& commands);
  void finish_job(Job& job, JobState state, const std::string& error, Commands& commands);
  void drop_leases(Job& job, Commands& commands);
  void start_assembly_if_done(Job& job, Commands& commands);
  void start_postponed_assemblies(Instant now, Commands& commands);
  void warn_of_detector(Job& job, const std::string& peer, Commands& commands);
  Session* session_of(const std::string& peer, SessionId id);
  bool is_suspect(const Session& session, Instant now) const;
  WorkerInfo info_of(const Session& session, Instant now) const;

  std::uint64_t result_bytes_max(const Session& session) const;
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
  std::uint64_t next_session_ = 1;
  std::uint64_t session_seed_;
  std::map<JobId, Job> jobs_;
  std::set<JobId> open_jobs_;  // those that are not final
  // Looked up only: nothing depends on its order.
  std::unordered_map<RangeId, Range> ranges_;
  std::set<RangeId> poisoned_;  // to be split or quarantined
  std::set<RangeId> charged_;   // with charges that are not due yet
  bool holds_grants_ = false;
  bool are_grants_due_ = false;  // something happened while they were held
  bool are_copies_due_ = false;  // a tick passed while grants were held
  std::string trouble_;          // why the last result could not be stored; empty: it could
  std::string no_room_;          // why nothing new is begun; empty: it is
  std::map<std::string, Session> sessions_;  // by peer
  std::map<PoolKey, Pool> pools_;            // those with sessions or with jobs that are not over
};

}  // namespace posefleet::core

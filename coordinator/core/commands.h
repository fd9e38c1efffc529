// What the rules know of jobs and ranges, what they may be told to do otherwise, and what they
// command. Plain values.
#pragma once

#include <chrono>
#include <cstdint>
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
  // That long may one worker execute a range even if it moves all the time. The slowest honest
  // range that we know, 16 frames of 10 people on two CPU cores, takes 3 minutes.
  std::chrono::milliseconds range_time_max{3'600'000};
  // That many failures charged to a range split it into halves, or quarantine its single frame.
  std::uint32_t fails_max = 3;
  // That many failures of a range that were not its own fault (workers out of memory, results that
  // cannot be read back) end its job.
  std::uint32_t troubles_max = 3;
  // A job may have that many bad frames in a stage, and no more than one in eight of its frames.
  std::uint32_t quarantine_max = 16;
  // An output that cannot be written (a full disk) is tried that often, once a lease.
  std::uint32_t assemblies_max = 100;
  // A range that failed waits that long, times the number of its failures.
  std::chrono::milliseconds backoff{200};
  // Second leases of one range at the same time.
  std::uint32_t copies_max = 1;
  std::uint32_t sessions_max = 1024;
  // Ranges that one session may hold, whatever credit it claims: a broken worker must not hoard all
  // of a job. A large machine's worker holds some dozen.
  std::uint32_t leases_max = 256;
  std::uint64_t part_bytes_max = 1 << 20;
  std::uint64_t result_bytes_max = 256ULL << 20;  // a worker may take less
};

// As the store holds it.
struct RangeRecord {
  RangeId id{};
  JobId job{};
  Stage stage = Stage::Pose;
  FrameRange frames;
  std::string plan_hash;
  bool is_committed = false;
  // Its halves took its place: it is nobody's any more.
  bool is_split = false;
  // One frame that no worker could compute: a pose range has nobody in it and is computed by
  // nobody; a render range is the frame's own picture.
  bool is_quarantined = false;
  std::uint32_t attempts = 0;
  std::uint32_t fails = 0;
  RangeStats stats;  // of the committed result
  bool operator==(const RangeRecord&) const = default;
};

// Jobs of priority 1 to 99 share the workers in that proportion. 100 goes before all of them, 0
// gets what they leave.
inline constexpr std::uint32_t kPriorityUsual = 10;

struct JobRecord {
  JobId id{};
  JobState state = JobState::Submitted;
  std::string model_hash;  // with the precision: a network_id (common/protocol/precision.h)
  std::string error;
  std::string result;
  std::vector<std::string> warnings;
  // From its spec, which is what the store holds.
  std::uint32_t priority = kPriorityUsual;
  std::uint32_t workers_max = 0;  // of each stage, at the same time; 0: all
  bool fails_on_quarantine = false;
  // A render range needs the poses up to its end and of so many frames more.
  std::uint32_t pose_margin = 0;
  bool operator==(const JobRecord&) const = default;
};

// `peer` is the identity of a connection, as the edge knows it.
struct SendToWorker {
  std::string peer;
  CoordinatorMessage message;
};
// Store `attempts` of the range, then send the grant, its task made from the plan. If that cannot
// be done, say so by on_grant_failed; if the task is larger than `task_bytes_max`, which is what
// the worker takes, by on_grant_too_large.
struct SendGrant {
  std::string peer;
  Grant grant;
  JobId job{};
  std::uint32_t attempts = 0;
  std::uint64_t task_bytes_max = 0;  // 0: any size
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
// In one transaction mark the range as split and store its `parts`, whose ids and plan hashes the
// edge fills in; then say so by on_split, or by on_poison_failed.
struct SplitRange {
  JobId job{};
  RangeId range{};
  std::vector<RangeRecord> parts;
};
// Commit the one frame of a quarantined pose range as a frame with nobody in it, then say so by
// on_quarantined, or by on_poison_failed.
struct CommitNobody {
  JobId job{};
  RangeId range{};
  RangeStats stats;
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

using Command =
    std::variant<SendToWorker, SendGrant, CommitResult, DropSpool, PersistFails, SplitRange,
                 CommitNobody, PersistJob, ProbeJob, AssembleJob, ReleaseJob, LogLine>;
using Commands = std::vector<Command>;

}  // namespace posefleet::core

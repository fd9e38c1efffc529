// What `posefleet run` and a coordinator on the same machine say to each other. The client asks,
// the coordinator answers; a question may be asked again without harm.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/protocol/ids.h"
#include "common/protocol/messages.h"

namespace posefleet {

enum class JobState : std::uint8_t {
  Submitted = 0,
  Probing = 1,
  Running = 2,  // posing and rendering, which overlap
  Assembling = 3,
  Succeeded = 4,
  Failed = 5,
  Cancelled = 6,
};

constexpr const char* name_of(JobState state) {
  switch (state) {
    case JobState::Submitted:
      return "submitted";
    case JobState::Probing:
      return "probing";
    case JobState::Running:
      return "running";
    case JobState::Assembling:
      return "assembling";
    case JobState::Succeeded:
      return "succeeded";
    case JobState::Failed:
      return "failed";
    case JobState::Cancelled:
      return "cancelled";
  }
  return "failed";
}

constexpr bool is_final(JobState state) {
  return state == JobState::Succeeded || state == JobState::Failed || state == JobState::Cancelled;
}

// The same key and spec again answer the same job; the same key with another spec is refused.
struct Submit {
  std::string idempotency_key;
  std::string spec;  // JSON, common/job/job_spec.h
  bool operator==(const Submit&) const = default;
};

struct GetStatus {
  JobId job{};
  bool operator==(const GetStatus&) const = default;
};

struct CancelJob {
  JobId job{};
  bool operator==(const CancelJob&) const = default;
};

// Who works for the coordinator, those before `first` left out: an answer holds a part of a long
// list, and is asked for again from where it ended.
struct ListWorkers {
  std::uint32_t first = 0;
  bool operator==(const ListWorkers&) const = default;
};

struct Submitted {
  std::string idempotency_key;
  JobId job{};
  bool operator==(const Submitted&) const = default;
};

struct StageProgress {
  Stage stage = Stage::Pose;
  std::uint64_t frames_done = 0;  // committed, and what leases report
  std::uint64_t frames_total = 0;
  std::uint32_t workers = 0;  // live sessions of this stage
  RangeStats stats;           // sums over committed ranges
  bool operator==(const StageProgress&) const = default;
};

struct JobStatus {
  JobId job{};
  JobState state = JobState::Submitted;
  std::string error;  // when Failed
  // Why nothing can be stored at the moment (a full disk); empty: all is well. The job waits.
  std::string trouble;
  std::vector<StageProgress> stages;
  std::uint64_t retries = 0;
  std::vector<std::string> warnings;
  std::string result;  // JSON, when Succeeded: artifact paths and figures
  bool operator==(const JobStatus&) const = default;
};

enum class WorkerState : std::uint8_t {
  Active = 0,
  Suspect = 1,   // beats are missing: it gets nothing new
  Draining = 2,  // it gives back what it has not begun
};
constexpr const char* name_of(WorkerState state) {
  switch (state) {
    case WorkerState::Active:
      return "active";
    case WorkerState::Suspect:
      return "suspect";
    case WorkerState::Draining:
      return "draining";
  }
  return "suspect";
}

// One session. Texts are the worker's own words, up to 256 bytes each.
struct WorkerInfo {
  SessionId session{};
  std::string worker;
  std::string host;
  std::uint64_t pid = 0;
  Stage role = Stage::Pose;
  std::string device;
  std::uint32_t models = 0;
  std::string model_hash;
  std::string key_name;  // empty without keys
  WorkerState state = WorkerState::Active;
  double frames_per_second = 0;  // over the last 15 to 30 s
  std::uint32_t ranges_held = 0;
  // What it executes; job 0: nothing.
  JobId job{};
  FrameRange frames;
  std::uint32_t frames_done = 0;
  bool operator==(const WorkerInfo&) const = default;
};

// Of one answer.
inline constexpr std::size_t kWorkersListed = 200;

struct WorkerList {
  std::uint32_t first = 0;
  std::uint32_t total = 0;
  std::vector<WorkerInfo> workers;  // by host, role and process
  bool operator==(const WorkerList&) const = default;
};

struct ClientError {
  std::string message;
  bool operator==(const ClientError&) const = default;
};

using ClientRequest = std::variant<Submit, GetStatus, CancelJob, ListWorkers>;
using ClientReply = std::variant<Submitted, JobStatus, ClientError, WorkerList>;

}  // namespace posefleet

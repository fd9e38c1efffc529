// What the coordinator must still know after it was killed: the epoch, the jobs, their ranges.
//
// SQLite with a write-ahead log and synchronous=FULL: when a call returns success, the disk has it.
// The rules read this once, at start; after that the store only follows what they command. A lock
// on the folder keeps a second coordinator off the same store.
//
// One thread. Not over NFS (SQLite's log needs shared memory).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "coordinator/core/coordinator.h"

namespace posefleet {

// A job as it is stored, with what the rules do not need.
struct StoredJob {
  core::JobRecord record;
  std::string idempotency_key;
  std::string spec;  // JSON as submitted
  bool operator==(const StoredJob&) const = default;
};

// The durable side of a committed range.
struct Artifact {
  RangeId range{};
  std::string file;  // name inside the job's folder
  std::uint64_t size = 0;
  std::string sha256;
  RangeStats stats;
  // Where it begins in a file of many (bundle.h); nothing: the file is this result alone.
  std::optional<std::uint64_t> offset = std::nullopt;
  bool operator==(const Artifact&) const = default;
};

class Store final {
 public:
  // Opens or creates `folder`/posefleet.sqlite, takes the lock, raises the epoch by one.
  static Result<std::unique_ptr<Store>> open(const std::filesystem::path& folder);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  std::uint64_t epoch() const;

  // The job's id; an equal key with an equal spec gives the job that is there, with another spec an
  // error. `is_new` says which. Beyond `unfinished_max` jobs that are not final, an error.
  struct AddedJob {
    JobId id{};
    bool is_new = false;
  };
  Result<AddedJob> add_job(const std::string& idempotency_key, const std::string& spec,
                           const std::string& model_hash, std::uint32_t unfinished_max);
  Status update_job(const core::JobRecord& job);
  // All ranges of a job in one transaction; returns them with their ids.
  Result<std::vector<core::RangeRecord>> add_ranges(JobId job,
                                                    std::vector<core::RangeRecord> ranges);
  // Marks the range as split and adds its parts, in one transaction; returns them with their ids.
  // An error if it is split or committed already.
  Result<std::vector<core::RangeRecord>> split_range(RangeId whole,
                                                     std::vector<core::RangeRecord> parts);
  Status set_attempts(RangeId range, std::uint32_t attempts);
  Status set_fails(RangeId range, std::uint32_t fails);
  Status commit_range(const Artifact& artifact);
  // What one transaction makes durable: all of it or, on error, nothing. For each artifact it says
  // whether its range was there to be committed; one that was not does not hold up the others.
  struct Attempts {
    RangeId range{};
    std::uint32_t attempts = 0;
  };
  Result<std::vector<Status>> commit(const std::vector<Artifact>& artifacts,
                                     const std::vector<Attempts>& attempts);
  Status uncommit_range(RangeId range);

  Result<std::vector<StoredJob>> jobs();
  Result<std::optional<StoredJob>> job(JobId id);
  Result<std::vector<core::RangeRecord>> ranges(JobId job);
  Result<std::vector<Artifact>> artifacts(JobId job);

 private:
  struct State;
  explicit Store(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace posefleet

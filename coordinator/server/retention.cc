#include "coordinator/server/retention.h"

#include <algorithm>
#include <map>
#include <optional>

#include "coordinator/server/jobs.h"

namespace posefleet {
namespace {

namespace fs = std::filesystem;

// Of a file, or of all files in a folder (an output of single pictures).
std::uintmax_t size_of(const fs::directory_entry& entry) {
  std::error_code error;
  if (!entry.is_directory(error)) {
    const std::uintmax_t size = entry.file_size(error);
    return error ? 0 : size;
  }
  std::uintmax_t sum = 0;
  for (const fs::directory_entry& one : fs::directory_iterator(entry.path(), error)) {
    const std::uintmax_t size = one.file_size(error);
    if (!error) sum += size;
  }
  return sum;
}

// Nothing: there is no such folder, or it goes at this moment.
std::optional<FinishedJob> look_at(JobId id, const fs::path& folder, fs::file_time_type now) {
  std::error_code error;
  fs::file_time_type changed = fs::last_write_time(folder, error);
  if (error) return std::nullopt;
  FinishedJob job{id, {}, 0};
  std::vector<fs::path> working;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (is_result_file(entry.path().filename().string())) {
      working.push_back(entry.path());
      continue;
    }
    job.bytes += size_of(entry);
    const fs::file_time_type written = entry.last_write_time(error);
    if (!error) changed = std::max(changed, written);
  }
  for (const fs::path& path : working) fs::remove(path, error);
  job.age = std::chrono::duration_cast<std::chrono::seconds>(now - changed);
  return job;
}

}  // namespace

std::vector<JobId> jobs_to_remove(std::vector<FinishedJob> jobs, const RetentionLimits& limits) {
  std::sort(jobs.begin(), jobs.end(), [](const FinishedJob& a, const FinishedJob& b) {
    return a.age != b.age ? a.age > b.age : a.id < b.id;
  });
  std::uint64_t left = 0;
  for (const FinishedJob& job : jobs) left += job.bytes;
  std::vector<JobId> removed;
  for (const FinishedJob& job : jobs) {
    const bool is_old = limits.keep.count() > 0 && job.age > limits.keep;
    const bool is_over = limits.quota_bytes > 0 && left > limits.quota_bytes;
    if (!is_old && !is_over) break;
    left -= job.bytes;
    removed.push_back(job.id);
  }
  return removed;
}

RetentionOutcome carry_out(const RetentionWork& work, fs::file_time_type now) {
  const auto folder_of = [&](JobId id) { return work.jobs_folder / std::to_string(number(id)); };
  std::vector<FinishedJob> jobs;
  std::map<JobId, std::uint64_t> bytes;
  for (const JobId id : work.finished) {
    const std::optional<FinishedJob> job = look_at(id, folder_of(id), now);
    if (!job) continue;
    jobs.push_back(*job);
    bytes[id] = job->bytes;
  }
  RetentionOutcome outcome;
  for (const JobId id : jobs_to_remove(std::move(jobs), work.limits)) {
    std::error_code error;
    fs::remove_all(folder_of(id), error);
    if (error) continue;  // tried again the next time
    outcome.removed.push_back(id);
    outcome.bytes += bytes.at(id);
  }
  return outcome;
}

}  // namespace posefleet

#include "coordinator/server/jobs.h"

#include <algorithm>
#include <cstdio>

#include "common/media/frame_table.h"
#include "common/wire/codec.h"
#include "coordinator/pipeline/growing_outputs.h"

namespace posefleet {
namespace {

// Who is who in the frames so far; see FilmPoses.
constexpr const char* kTracksFile = "tracks";

// As common/files and common/media name what is not whole yet.
bool is_temporary(const std::string& name) {
  return name.find(".part-") != std::string::npos;
}

template <typename Filter>
void remove_files(const std::filesystem::path& folder, const Filter& filter) {
  std::vector<std::filesystem::path> found;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(folder, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (filter(entry->path().filename().string())) found.push_back(entry->path());
  }
  // A folder is an output of single pictures that was being written.
  for (const std::filesystem::path& path : found) std::filesystem::remove_all(path, error);
}

}  // namespace

bool is_result_file(const std::string& name) {
  if (name.ends_with(kBundleSuffix)) return true;
  const bool is_of_stage = name.starts_with(std::string(name_of(Stage::Pose)) + "-") ||
                           name.starts_with(std::string(name_of(Stage::Render)) + "-");
  return is_of_stage && name.ends_with(".bin");
}

void read_spec(const JobSpec& spec, core::JobRecord& record) {
  record.model_hash = network_id(spec);
  record.priority = spec.priority;
  record.workers_max = spec.workers_max;
  record.pose_margin = pose_margin(spec);
  record.fails_on_quarantine = spec.on_quarantine == OnQuarantine::Fail;
}

std::filesystem::path Jobs::folder_of(JobId job) const {
  return folder_ / std::to_string(number(job));
}

std::filesystem::path Jobs::file_of(const core::RangeRecord& range) const {
  char name[64];
  std::snprintf(name, sizeof name, "%s-%08u-%llu.bin", name_of(range.stage), range.frames.first,
                static_cast<unsigned long long>(number(range.id)));
  return folder_of(range.job) / name;
}

RunningJob* Jobs::find(JobId job) {
  const auto found = jobs_.find(job);
  return found == jobs_.end() ? nullptr : &found->second;
}

RunningJob& Jobs::add(JobId job, JobSpec spec) {
  RunningJob& running = jobs_[job];
  running.spec = std::move(spec);
  return running;
}

std::vector<JobId> Jobs::released(std::vector<JobId> finished) const {
  std::erase_if(finished, [&](JobId job) { return jobs_.contains(job); });
  return finished;
}

void Jobs::set_plan(JobId job, std::shared_ptr<const JobPlan> plan,
                    const std::vector<core::RangeRecord>& ranges) {
  RunningJob& running = jobs_.at(job);
  running.plan = std::move(plan);
  add_ranges(job, ranges);
}

void Jobs::add_ranges(JobId job, const std::vector<core::RangeRecord>& ranges) {
  RunningJob& running = jobs_.at(job);
  for (const core::RangeRecord& range : ranges) running.ranges[range.id] = range;
}

void Jobs::remove_committed(RangeId range) {
  for (auto& [id, job] : jobs_) {
    const auto found = job.committed.find(range);
    if (found == job.committed.end()) continue;
    const auto pose = job.poses.find(found->second.frames.first);
    if (pose != job.poses.end() && pose->second == range) job.poses.erase(pose);
    job.committed.erase(found);
  }
}

void Jobs::add_committed(JobId id, const Artifact& artifact) {
  RunningJob& job = jobs_.at(id);
  const core::RangeRecord& range = job.ranges.at(artifact.range);
  job.committed[range.id] = {
      range.id,      range.stage,     range.frames,         folder_of(id) / artifact.file,
      artifact.size, artifact.sha256, range.is_quarantined, artifact.offset};
  if (range.stage == Stage::Pose) job.poses[range.frames.first] = range.id;
}

std::vector<RangeFile> Jobs::poses_below(JobId id, const FrameRange& frames) {
  const RunningJob& job = jobs_.at(id);
  std::vector<RangeFile> files;
  auto at = job.poses.upper_bound(frames.first);
  // The one that begins before the first frame may reach into it.
  if (at != job.poses.begin()) --at;
  for (; at != job.poses.end() && at->first < frames.end; ++at) {
    const RangeFile& file = job.committed.at(at->second);
    if (file.frames.end > frames.first) files.push_back(file);
  }
  return files;
}

std::vector<RangeFile> Jobs::committed_files(JobId job) {
  std::vector<RangeFile> files;
  for (const auto& [id, file] : jobs_.at(job).committed) files.push_back(file);
  return files;
}

Status Jobs::check_source(JobId job) {
  const RunningJob* running = find(job);
  if (running == nullptr || running->plan == nullptr) return done();
  return check_source_unchanged(running->plan->source);
}

Result<std::string> Jobs::encoded_task(JobId job, RangeId range, LostArtifact* lost) {
  RunningJob* running = find(job);
  if (running == nullptr || running->plan == nullptr) {
    return internal_error("job " + std::to_string(number(job)) + " has no plan");
  }
  const core::RangeRecord& record = running->ranges.at(range);
  const auto with_url = [&](auto task) {
    task.frames.url = running->source_url;
    return encode(task);
  };
  if (record.stage == Stage::Pose) return with_url(make_pose_task(*running->plan, record.frames));
  // With nobody in the frame nothing is drawn: it is decoded and encoded, and that is all.
  RangePoses poses = {{record.frames.first, {}}};
  if (!record.is_quarantined) {
    if (running->film == nullptr) {
      running->film = std::make_unique<FilmPoses>(running->plan, folder_of(job) / kTracksFile);
    }
    const auto files = [&](const FrameRange& frames) { return poses_below(job, frames); };
    const FrameRange seen = {
        record.frames.first - frames_before_render(*running->plan, record.frames),
        record.frames.end};
    POSEFLEET_TRY(poses, running->film->get(seen, files, lost));
  }
  return with_url(make_render_task(*running->plan, record.frames, std::move(poses)));
}

void Jobs::release(JobId job, bool keep_output) {
  std::error_code ignored;
  if (!keep_output) {
    std::filesystem::remove_all(folder_of(job), ignored);
  } else {
    // By their names: a result that was given its name and never committed is nobody's.
    remove_files(folder_of(job), [](const std::string& name) {
      return is_result_file(name) || is_temporary(name) || name == kTracksFile || name == kLiveFile;
    });
  }
  jobs_.erase(job);
}

void Jobs::remove_temporaries(JobId job) const {
  remove_files(folder_of(job), is_temporary);
}

}  // namespace posefleet

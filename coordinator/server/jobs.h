// The files and plans of the jobs that run: what the server needs to turn the rules' commands into
// bytes.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "coordinator/pipeline/film_poses.h"
#include "coordinator/pipeline/gather.h"
#include "coordinator/pipeline/plan.h"
#include "coordinator/store/store.h"

namespace posefleet {

// What the rules need to know of a spec.
void read_spec(const JobSpec& spec, core::JobRecord& record);

// Of files that hold many results (coordinator/store/bundle.h).
inline constexpr const char* kBundleSuffix = ".bundle";

// Whether a file in a job's folder holds results of its ranges, one (Jobs::file_of) or many. The
// output's poses (poses.bin) are none.
bool is_result_file(const std::string& name);

// One running job. The plan is immutable and shared with the pipeline thread.
struct RunningJob {
  JobSpec spec;
  std::shared_ptr<const JobPlan> plan;  // null until probed
  std::string source_url;               // where the source is served; empty: nowhere
  std::map<RangeId, core::RangeRecord> ranges;
  std::map<RangeId, RangeFile> committed;
  // Of the committed ones those of the pose stage, by first frame: no two of them overlap.
  std::map<std::uint32_t, RangeId> poses;
  std::unique_ptr<FilmPoses> film;  // null until the first render range asks
};

// One thread.
class Jobs final {
 public:
  explicit Jobs(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::filesystem::path folder_of(JobId job) const;
  std::filesystem::path file_of(const core::RangeRecord& range) const;

  RunningJob* find(JobId job);
  RunningJob& add(JobId job, JobSpec spec);
  // Of `finished` those that are released: a job whose end is not stored yet still needs its
  // results.
  std::vector<JobId> released(std::vector<JobId> finished) const;
  void set_plan(JobId job, std::shared_ptr<const JobPlan> plan,
                const std::vector<core::RangeRecord>& ranges);
  // The range must be known.
  void add_committed(JobId job, const Artifact& artifact);
  // A result that was committed and is not there any more.
  void remove_committed(RangeId range);
  void add_ranges(JobId job, const std::vector<core::RangeRecord>& ranges);
  std::vector<RangeFile> committed_files(JobId job);
  // Those of the pose stage that share a frame with `frames`. A film has ten thousands of ranges,
  // and each grant of the render stage needs a few.
  std::vector<RangeFile> poses_below(JobId job, const FrameRange& frames);

  // Rejected, naming the file, when the job's source is not what was planned with any more.
  Status check_source(JobId job);
  // The task of a grant, encoded. `lost` names a pose range whose stored result is damaged.
  Result<std::string> encoded_task(JobId job, RangeId range, LostArtifact* lost);

  // Forgets the job and removes its files; with `keep_output` what a client fetches stays. Also for
  // a job that an earlier process did not come to release, or not to the end.
  void release(JobId job, bool keep_output);
  // Files that an earlier process was writing when it was killed. Before anybody writes.
  void remove_temporaries(JobId job) const;

 private:
  std::filesystem::path folder_;
  std::map<JobId, RunningJob> jobs_;
};

}  // namespace posefleet

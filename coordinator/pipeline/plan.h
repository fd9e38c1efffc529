// From a probed source to frame ranges and the tasks inside grants.
//
// The ranges follow from the frame table and the job's spec alone, never from who is there to work:
// the output must be the same bytes with one worker and with many. Pose and render ranges differ: a
// pose range keeps a worker busy for a second or two, a render range becomes one closed segment,
// and short segments cost size.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/job/job_spec.h"
#include "common/protocol/tasks.h"
#include "coordinator/core/coordinator.h"

namespace posefleet {

// What is known about a job once its source was probed. A value; made once, then only read.
struct JobPlan {
  JobSpec spec;
  SourceFile source;
  std::string source_sha256;
  std::string source_fingerprint;        // fingerprint_of; empty in plans of an older version
  FrameTable table;                      // of the frames that the spec selects
  std::uint32_t source_frame_count = 0;  // of all frames; 0 in plans of an older version
  std::vector<std::string> warnings;
};

// Reads the source: blocking, some microseconds a frame and a second a gigabyte for the hash. A set
// of pictures becomes a video in the job's folder first (common/media/image_sequence.h), and that
// is the source from then on.
Result<JobPlan> probe_job(const JobSpec& spec, const std::filesystem::path& job_folder);

// Kept beside the job's artifacts, so that a restarted coordinator need not probe again.
Status save_plan(const JobPlan& plan, const std::filesystem::path& job_folder);
Result<JobPlan> load_plan(const JobSpec& spec, const std::filesystem::path& job_folder);

// All ranges of the job, without ids.
std::vector<core::RangeRecord> plan_ranges(const JobPlan& plan);

// The parts of a range that failed again and again, with their plan hashes: they follow from the
// plan and the part alone, so that a part is the same whenever it is cut.
std::vector<core::RangeRecord> with_plan_hashes(const JobPlan& plan,
                                                std::vector<core::RangeRecord> parts);

// On average; 0 where the table does not tell.
double frames_per_second(const FrameTable& table);

// How many frames before and after a frame its final pose depends on (common/people/steady.h).
std::uint32_t pose_margin(const JobSpec& spec);

// Grants carry these, encoded. `poses` are those of the range's frames, after those of as many
// frames before them as the style needs (frames_before_render).
PoseTask make_pose_task(const JobPlan& plan, const FrameRange& frames);
std::uint32_t frames_before_render(const JobPlan& plan, const FrameRange& frames);
RenderTask make_render_task(const JobPlan& plan, const FrameRange& frames, RangePoses poses);

}  // namespace posefleet

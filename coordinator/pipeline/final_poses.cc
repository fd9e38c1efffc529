#include "coordinator/pipeline/final_poses.h"

#include <algorithm>
#include <set>

#include "common/people/steady.h"

namespace posefleet {

Result<RangePoses> final_poses(const JobPlan& plan, const std::vector<RangeFile>& files,
                               const FrameRange& frames, LostArtifact* lost) {
  const std::uint32_t margin = pose_margin(plan.spec);
  if (margin == 0) return gather_poses(files, frames, lost);
  const std::uint32_t count = plan.table.frame_count();
  const FrameRange window = {frames.first - std::min(frames.first, margin),
                             std::min(count, frames.end + margin)};
  POSEFLEET_TRY(const RangePoses gathered, gather_poses(files, window, lost));
  // A frame that no worker could compute keeps its original picture; nobody is made up for it.
  std::set<std::uint32_t> untouched;
  for (const RangeFile& file : files) {
    if (file.stage != Stage::Pose || !file.is_quarantined) continue;
    for (std::uint32_t frame = file.frames.first; frame < file.frames.end; ++frame) {
      untouched.insert(frame);
    }
  }
  return steadied(gathered, frames,
                  {.frames_per_second = frames_per_second(plan.table),
                   .width = plan.table.width,
                   .height = plan.table.height,
                   .film_frames = count,
                   .people_are_given = plan.spec.box_source != BoxSource::Detect},
                  untouched);
}

}  // namespace posefleet

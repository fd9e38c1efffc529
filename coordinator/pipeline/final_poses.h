// The poses that are drawn and handed out: those of the ranges, steadied over time where the job's
// spec asks for it.
#pragma once

#include <vector>

#include "common/base/result.h"
#include "coordinator/pipeline/gather.h"
#include "coordinator/pipeline/plan.h"

namespace posefleet {

// Frames [first, end), in order, from committed ranges that cover them and the plan's pose margin
// on both sides. On failure `lost` (when given) names the range at fault.
Result<RangePoses> final_poses(const JobPlan& plan, const std::vector<RangeFile>& files,
                               const FrameRange& frames, LostArtifact* lost);

}  // namespace posefleet

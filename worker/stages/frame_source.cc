#include "worker/stages/frame_source.h"

#include "common/media/frame_table.h"

namespace posefleet {

Result<RangeDecoder> open_task_video(const TaskFrames& frames) {
  POSEFLEET_TRY_DO(check_source_unchanged(frames.source));
  return RangeDecoder::open(frames.source.path, frames.window, frames.in_window());
}

}  // namespace posefleet

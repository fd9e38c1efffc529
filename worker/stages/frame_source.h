// The frames of a task, one after the other, from a video or a picture.
#pragma once

#include <memory>
#include <optional>

#include "common/base/result.h"
#include "common/media/decoder.h"
#include "common/protocol/tasks.h"

namespace posefleet {

// Refuses a source that is not the file that was planned with.
Result<RangeDecoder> open_task_video(const TaskFrames& frames);

}  // namespace posefleet

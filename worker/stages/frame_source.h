// The frames of a task: where its source is, and its video or picture from there.
#pragma once

#include <memory>
#include <optional>

#include "common/base/result.h"
#include "common/media/decoder.h"
#include "common/media/image.h"
#include "common/media/location.h"
#include "common/protocol/tasks.h"
#include "worker/runtime/executor.h"

namespace posefleet {

// The file at the task's path if it is on this machine and is the one that was planned with; else
// what the coordinator serves. Which of the two it is changes nothing about the frames. Retry when
// it is neither here nor served: another worker may see it. While bytes are fetched, `progress`
// shows steps, and its cancelling ends the wait; it must outlive whoever reads.
Result<VideoLocation> locate_source(const TaskFrames& frames, SourceCache& cache,
                                    RangeProgress& progress);

Result<RangeDecoder> open_task_video(const TaskFrames& frames, SourceCache& cache,
                                     RangeProgress& progress, const DecodeOptions& options = {});
Result<BgrImage> read_task_image(const TaskFrames& frames, SourceCache& cache,
                                 RangeProgress& progress);

}  // namespace posefleet

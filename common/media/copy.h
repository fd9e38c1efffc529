// The source's own pictures as the output, for a video in which nobody was found: encoding them
// again would only make them worse.
#pragma once

#include <filesystem>

#include "common/base/result.h"
#include "common/media/stitch.h"
#include "common/protocol/video.h"

namespace posefleet {

// Writes `out` (.mp4, .m4v, .mov or .mkv) whole or not at all, with the source's video and sound
// packets and times as they are. `Rejected` when that would not be exact or is not possible: the
// source holds pictures that are not shown (edit lists), lacks decode times, or its codec has no
// place in the container. Then the pictures must be encoded.
Result<StitchReport> copy_video(const std::filesystem::path& source, const FrameTable& table,
                                const std::filesystem::path& out);

}  // namespace posefleet

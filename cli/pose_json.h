// A picture's poses as the JSON that `posefleet pose` prints (design section 2): pixels and metres.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/body/body_model.h"
#include "common/protocol/poses.h"

namespace posefleet::cli {

// Numbers are the float32 values, written so that they read back exactly. A keypoint at or behind
// the camera has null for its pixel.
std::string to_json(const FramePoses& poses, const std::vector<PosedBody>& bodies,
                    std::uint32_t width, std::uint32_t height);

// A NumPy file (version 1.0) of float32 (people, vertices, 3): metres in camera axes, the camera
// translation added.
std::string vertices_npy(const FramePoses& poses, const std::vector<PosedBody>& bodies);

}  // namespace posefleet::cli

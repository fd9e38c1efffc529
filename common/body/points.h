// Points in space and in a picture.
#pragma once

#include <array>

namespace posefleet {

// x, y, z in metres. Which frame they are in is said where they are used: body space (x left of the
// body, y up, z forward in the rest pose) or camera axes (x right, y down, z away from the camera).
using Point3 = std::array<float, 3>;
// x right, y down, in pixels of a frame.
using Point2 = std::array<float, 2>;

}  // namespace posefleet

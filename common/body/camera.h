// From a body to the pixels of its frame (reference: hmr2.md section 5).
//
// The network gives a weak perspective of its square crop: a scale and a shift. That is turned into
// a pinhole camera of the whole frame, one for all people in it, with a focal length that makes
// their distances comparable.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "common/body/points.h"

namespace posefleet {

struct FrameSize {
  std::uint32_t width = 0;  // pixels
  std::uint32_t height = 0;
};

// The square of the frame that a crop was taken from.
struct CropSquare {
  double center_x = 0;  // frame pixels
  double center_y = 0;
  double side = 0;
};

// Pixels. `crop_focal_length` is that of the 256-pixel crop, from the model folder's manifest.
float full_frame_focal_length(FrameSize frame, double crop_focal_length);

// What is added to a body's points to bring them into the full frame's camera axes, metres.
// `pred_cam` = s, tx, ty as the network gives them.
Point3 full_frame_translation(const std::array<float, 3>& pred_cam, const CropSquare& crop,
                              FrameSize frame, double focal_length);

// A pinhole whose principal point is the middle of the frame.
struct FrameCamera {
  Point3 translation{};    // metres
  float focal_length = 0;  // pixels
  FrameSize frame;
};

// Where the points (camera axes, before the translation) appear in the frame, in pixels. A point at
// or behind the camera has no pixel: both its numbers are not a number.
std::vector<Point2> project(std::span<const Point3> points, const FrameCamera& camera);

}  // namespace posefleet

#include "common/body/camera.h"

#include <algorithm>
#include <limits>

namespace posefleet {
namespace {

// Side of the network's input, pixels.
constexpr double kCropSide = 256;
// Keeps the quotient finite for a scale of zero; the reference's value.
constexpr double kTiny = 1e-9;

}  // namespace

float full_frame_focal_length(FrameSize frame, double crop_focal_length) {
  return static_cast<float>(crop_focal_length / kCropSide * std::max(frame.width, frame.height));
}

Point3 full_frame_translation(const std::array<float, 3>& pred_cam, const CropSquare& crop,
                              FrameSize frame, double focal_length) {
  const double size = crop.side * pred_cam[0] + kTiny;
  return {static_cast<float>(pred_cam[1] + 2 * (crop.center_x - frame.width / 2.0) / size),
          static_cast<float>(pred_cam[2] + 2 * (crop.center_y - frame.height / 2.0) / size),
          static_cast<float>(2 * focal_length / size)};
}

std::vector<Point2> project(std::span<const Point3> points, const FrameCamera& camera) {
  constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  std::vector<Point2> pixels;
  pixels.reserve(points.size());
  for (const Point3& point : points) {
    const double x = double{point[0]} + camera.translation[0];
    const double y = double{point[1]} + camera.translation[1];
    const double z = double{point[2]} + camera.translation[2];
    if (!(z > 0)) {
      pixels.push_back({kNone, kNone});
      continue;
    }
    pixels.push_back({static_cast<float>(camera.focal_length * x / z + camera.frame.width / 2.0),
                      static_cast<float>(camera.focal_length * y / z + camera.frame.height / 2.0)});
  }
  return pixels;
}

}  // namespace posefleet

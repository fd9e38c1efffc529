// From the network's numbers to bodies in front of a camera: 6D rotations, and the two cameras.
//
// The network sees a 256-pixel square through a weak-perspective camera (s, tx, ty). Everything
// after it wants a body in metres before the full frame's pinhole camera: x right, y down, z away
// from the camera, principal point half the frame's size. float32 throughout, in the reference's
// order, so that equal network outputs give equal bytes. Pure functions.
#pragma once

#include <array>
#include <span>

#include "common/protocol/poses.h"
#include "worker/model/crop.h"

namespace posefleet {

// Six numbers: the first three and the last three are two vectors; made orthonormal (Gram-Schmidt)
// they are the first two COLUMNS of the rotation. Vectors shorter than 1e-12 stay (near) zero.
Rotation rotation_from_6d(std::span<const float, 6> six);

struct FullCamera {
  std::array<float, 3> translation{};  // metres, added to a vertex
  float focal_length = 0;              // frame pixels

  bool operator==(const FullCamera&) const = default;
};

// `focal_length`: of the 256-pixel crop, pixels (Manifest::focal_length).
FullCamera full_camera(const std::array<float, 3>& pred_cam, const CropGeometry& geometry,
                       int frame_width, int frame_height, double focal_length);

// The body before the crop's own camera (focal_length pixels, principal point the crop's centre).
std::array<float, 3> crop_translation(const std::array<float, 3>& pred_cam, double focal_length);

}  // namespace posefleet

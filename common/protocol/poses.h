// The people that were found in the frames of a range: what the pose stage produces and everything
// after it (tracks, drawing, exports) reads.
//
// Parameters only, a kilobyte per person and frame; vertices are computed again where they are
// needed. All numbers are float32 as the network gives them, so that equal plans give equal bytes.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace posefleet {

inline constexpr int kJointCount = 24;      // SMPL's kinematic joints, pelvis first
inline constexpr int kBodyJointCount = 23;  // all but the pelvis
inline constexpr int kBetaCount = 10;       // shape directions
inline constexpr int kKeypointCount = 44;   // BODY_25 then 19 more, reference order

// 3x3 rotation, row-major.
using Rotation = std::array<float, 9>;

struct PersonBox {
  // Frame pixels, x right, y down, not clipped to the frame: x0, y0, x1, y1.
  float x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  float score = 1;

  bool operator==(const PersonBox&) const = default;
};

// One person in one frame.
struct PersonPose {
  PersonBox box;
  // Turns the body from its rest frame into camera axes: x right, y down, z away from the camera.
  Rotation global_orient{};
  std::array<Rotation, kBodyJointCount> body_pose{};
  std::array<float, kBetaCount> betas{};
  // Weak perspective of the crop: s, tx, ty.
  std::array<float, 3> pred_cam{};
  // Added to a body's vertex, it lies in the full frame's camera; metres.
  std::array<float, 3> camera_translation{};
  // Of the full frame, pixels; the principal point is half the frame's size.
  float focal_length = 0;
  // Who it is, counted from 1 through the film (common/people/tracks.h); 0: not known yet.
  std::uint32_t track = 0;

  bool operator==(const PersonPose&) const = default;
};

struct FramePoses {
  std::uint32_t frame = 0;  // index into the source's frame table
  std::vector<PersonPose> people;
  // The picture that this was seen in is not wholly the one that was encoded: its packets, or those
  // that it hangs on, are damaged.
  bool is_damaged = false;

  bool operator==(const FramePoses&) const = default;
};

// All frames of a range in order, those without people too.
using RangePoses = std::vector<FramePoses>;

}  // namespace posefleet

// How far the limbs are bent: the angles that the pose service reports (reference:
// service-contract.md section 1).
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "common/body/joints.h"
#include "common/body/points.h"

namespace posefleet {

inline constexpr int kAngleCount = 9;

// In the order of joint_angles_deg's values.
inline constexpr std::array<std::string_view, kAngleCount> kAngleNames = {
    "left_knee",   "right_knee",    "left_hip",       "right_hip", "left_elbow",
    "right_elbow", "left_shoulder", "right_shoulder", "spine"};

// Degrees, 0 to 180, at the middle of three joints each; a straight limb has 180. `joints` are the
// 24 kinematic joints first (joints45 will do), in any frame and unit. Not a number where two of
// the three joints coincide, since there is no angle then.
std::array<float, kAngleCount> joint_angles_deg(std::span<const Point3> joints);

}  // namespace posefleet

// Where the joints of a posed body are, and how each carries the skin around it.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "common/body/body_model.h"

namespace posefleet {

// The movement of the skin that belongs to one joint: rows (r0, r1, r2, t) for x, y and z.
using SkinTransform = std::array<float, 12>;

struct PosedJoints {
  std::array<Point3, kJointCount> joints{};
  std::array<SkinTransform, kJointCount> skin{};
};

// `rest` are the joints of the shaped body before posing, metres. In double: the chain is a few
// hundred multiplications, and errors at the pelvis would show at the hands.
PosedJoints pose_joints(const BodyPose& pose, std::span<const std::array<double, 3>> rest,
                        std::span<const std::int64_t> parents);

}  // namespace posefleet

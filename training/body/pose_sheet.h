// A picture of a body in ten poses from the front, the side and behind: the quickest way to see
// whether it bends like a person.
#pragma once

#include <array>
#include <filesystem>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/body/body_model.h"

namespace posefleet::training {

// A turn of one joint: about x, then y, then z of the rest frame, degrees.
struct JointTurn {
  int joint;
  std::array<float, 3> degrees;
};

struct NamedPose {
  std::string_view name;
  std::vector<JointTurn> turns;
};

// Standing, squatting, running and so on: what people in videos do.
const std::vector<NamedPose>& sheet_poses();

// In the rest frame (y up): global_orient is the identity unless the pose turns joint 0.
BodyPose body_pose_of(const NamedPose& pose, const std::array<float, kBetaCount>& betas);

// Draws with the project's rasteriser: a row for each side seen, a column for each pose.
Status write_pose_sheet(const std::filesystem::path& png, const BodyData& body);

}  // namespace posefleet::training

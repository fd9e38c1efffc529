#include "common/body/kinematics.h"

#include <Eigen/Core>

namespace posefleet {
namespace {

Eigen::Matrix3d matrix_of(const Rotation& rotation) {
  return Eigen::Map<const Eigen::Matrix<float, 3, 3, Eigen::RowMajor>>(rotation.data())
      .cast<double>();
}

}  // namespace

PosedJoints pose_joints(const BodyPose& pose, std::span<const std::array<double, 3>> rest,
                        std::span<const std::int64_t> parents) {
  PosedJoints posed;
  std::array<Eigen::Matrix3d, kJointCount> turn;
  std::array<Eigen::Vector3d, kJointCount> place;
  for (std::size_t j = 0; j < kJointCount; ++j) {
    const Eigen::Vector3d here(rest[j].data());
    const Eigen::Matrix3d own = matrix_of(j == 0 ? pose.global_orient : pose.body_pose[j - 1]);
    if (parents[j] < 0) {
      turn[j] = own;
      place[j] = here;
    } else {
      // The parent's entries are final: parents come before their children.
      const auto parent = static_cast<std::size_t>(parents[j]);
      const Eigen::Vector3d bone = here - Eigen::Vector3d(rest[parent].data());
      turn[j] = turn[parent] * own;
      place[j] = turn[parent] * bone + place[parent];
    }
    // A skin point is given in the rest frame, so the rest joint is taken out before the turn.
    const Eigen::Vector3d shift = place[j] - turn[j] * here;
    for (int row = 0; row < 3; ++row) {
      posed.joints[j][static_cast<std::size_t>(row)] = static_cast<float>(place[j][row]);
      float* target = &posed.skin[j][static_cast<std::size_t>(row) * 4];
      for (int column = 0; column < 3; ++column) {
        target[column] = static_cast<float>(turn[j](row, column));
      }
      target[3] = static_cast<float>(shift[row]);
    }
  }
  return posed;
}

}  // namespace posefleet

#include "tests/training/hmr2/fake_crops.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "common/base/random.h"
#include "training/hmr2/samples.h"

namespace posefleet::tests {
namespace {

using training::CropTruth;
using training::Curriculum;

constexpr double kRadians = std::numbers::pi / 180;

// The body upright before a camera whose y points down, then turned about its own upright axis.
Rotation facing(double yaw) {
  const auto c = static_cast<float>(std::cos(yaw));
  const auto s = static_cast<float>(std::sin(yaw));
  return {c, 0, s, 0, -1, 0, s, 0, -c};
}

// A dot of 5x5 pixels, brighter the nearer.
void draw_dot(std::span<std::uint8_t> rgb, std::array<float, 2> place, float depth, int part) {
  const int x = static_cast<int>(std::lround((place[0] + 0.5f) * 256));
  const int y = static_cast<int>(std::lround((place[1] + 0.5f) * 256));
  const auto light = static_cast<std::uint8_t>(std::clamp(150 - 200 * depth, 20.0f, 250.0f));
  for (int row = std::max(0, y - 2); row <= std::min(255, y + 2); ++row) {
    for (int column = std::max(0, x - 2); column <= std::min(255, x + 2); ++column) {
      std::uint8_t* pixel = &rgb[static_cast<std::size_t>((row * 256 + column) * 3)];
      pixel[part % 3] = light;
      pixel[(part + 1) % 3] = static_cast<std::uint8_t>(10 * part);
    }
  }
}

}  // namespace

Rotation turn_about(const std::array<double, 3>& axis, double angle) {
  const double c = std::cos(angle);
  const double s = std::sin(angle);
  Rotation result{};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t column = 0; column < 3; ++column) {
      result[3 * row + column] = static_cast<float>((1 - c) * axis[row] * axis[column]);
    }
    result[4 * row] += static_cast<float>(c);
    const std::size_t next = (row + 1) % 3;
    const std::size_t last = (row + 2) % 3;
    result[3 * next + row] += static_cast<float>(s * axis[last]);
    result[3 * row + next] -= static_cast<float>(s * axis[last]);
  }
  return result;
}

CropTruth draw_dots(const BodyModel& body, std::uint64_t index, const Curriculum& curriculum,
                    std::span<std::uint8_t> rgb) {
  Random random(index * 77 + 5);
  CropTruth truth;
  for (float& beta : truth.pose.betas) beta = static_cast<float>(random.normal());
  truth.pose.global_orient = facing((2 * random.unit() - 1) * curriculum.yaw_limit * kRadians);
  for (Rotation& rotation : truth.pose.body_pose) {
    std::array<double, 3> axis = {random.normal(), random.normal(), random.normal()};
    const double length = std::hypot(axis[0], axis[1], axis[2]) + 1e-9;
    for (double& part : axis) part /= length;
    rotation = turn_about(axis, 0.4 * curriculum.pose_range * random.normal());
  }
  const auto shift = [&] { return static_cast<float>(0.1 * random.normal()); };
  truth.camera = {0.85f + 0.1f * static_cast<float>(random.unit()), shift(), shift()};

  const PosedBody posed = body.pose(truth.pose);
  std::copy_n(posed.joints45.begin(), truth.joints.size(), truth.joints.begin());
  truth.keypoints_3d = posed.keypoints_3d;
  for (std::size_t i = 0; i < truth.keypoints_2d.size(); ++i) {
    truth.keypoints_2d[i] = training::place_in_crop(posed.keypoints_3d[i], truth.camera);
  }
  std::fill(rgb.begin(), rgb.end(), std::uint8_t{90});
  for (std::size_t joint = 0; joint < truth.joints.size(); ++joint) {
    draw_dot(rgb, training::place_in_crop(truth.joints[joint], truth.camera),
             truth.joints[joint][2], static_cast<int>(joint));
  }
  return truth;
}

}  // namespace posefleet::tests

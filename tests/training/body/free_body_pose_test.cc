#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/body/body_model.h"
#include "common/body/joints.h"
#include "tests/training/body/measures.h"
#include "training/body/pose_sheet.h"

namespace posefleet::training {
namespace {

const BodyModel& model() {
  static const std::shared_ptr<const BodyModel> loaded = BodyModel::make(free_body().data).value();
  return *loaded;
}

// How far the left joints and those in the middle turn about x, y, z: degrees, from and to. The
// right ones turn as their mirror images.
struct Limits {
  int joint;
  float low[3], high[3];
};

constexpr Limits kLimits[] = {
    {1, {-110, -25, -20}, {25, 25, 40}}, {4, {0, 0, 0}, {135, 0, 0}},
    {7, {-30, -10, -10}, {35, 10, 10}},  {10, {-30, 0, 0}, {10, 0, 0}},
    {3, {-10, -15, -10}, {25, 15, 10}},  {6, {-10, -15, -10}, {20, 15, 10}},
    {9, {-5, -10, -8}, {12, 10, 8}},     {12, {-20, -30, -15}, {20, 30, 15}},
    {15, {-15, -20, -10}, {15, 20, 10}}, {13, {0, -12, -10}, {0, 12, 22}},
    {16, {-40, -75, -70}, {40, 25, 65}}, {18, {-60, -135, 0}, {60, 0, 0}},
    {20, {-20, -15, -50}, {20, 15, 50}}, {22, {0, 0, -30}, {0, 0, 10}},
};

NamedPose random_pose(Random& random) {
  NamedPose pose;
  for (const Limits& limits : kLimits) {
    const bool in_middle = !kJointNames[static_cast<std::size_t>(limits.joint)].starts_with("left");
    for (const int side : {1, -1}) {
      JointTurn turn = {side > 0 ? limits.joint : limits.joint + 1, {}};
      for (std::size_t axis = 0; axis < 3; ++axis) {
        const auto amount = static_cast<float>(random.unit());
        const float degrees = limits.low[axis] + amount * (limits.high[axis] - limits.low[axis]);
        turn.degrees[axis] = side < 0 && axis > 0 ? -degrees : degrees;
      }
      pose.turns.push_back(turn);
      if (in_middle) break;
    }
  }
  return pose;
}

std::vector<double> edge_stretches(const PosedBody& posed) {
  static const auto edges = edges_of(free_body().data);
  static const std::vector<Vec> rest = shaped_vertices(free_body().data, {});
  std::vector<double> stretches;
  const auto vertex = [&](std::size_t v) {
    const Point3& p = posed.vertices[v];
    return Vec{p[0], p[1], p[2]};
  };
  for (const auto& [a, b] : edges) {
    stretches.push_back(length(vertex(a) - vertex(b)) / length(rest[a] - rest[b]));
  }
  std::sort(stretches.begin(), stretches.end());
  return stretches;
}

TEST(FreeBodyPose, StretchesNoEdgeTooFarInAHundredRandomPoses) {
  Random random(5);
  std::vector<BodyPose> poses;
  for (int i = 0; i < 100; ++i) poses.push_back(body_pose_of(random_pose(random), {}));
  const std::vector<PosedBody> bodies = model().pose_many(poses);
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    const PosedBody& posed = bodies[i];
    for (const Point3& p : posed.vertices) {
      ASSERT_TRUE(std::isfinite(p[0]) && std::isfinite(p[1]) && std::isfinite(p[2]));
    }
    const std::vector<double> stretches = edge_stretches(posed);
    // The longest are in the crotch, where two thighs that move apart share the skin.
    EXPECT_LT(stretches.back(), 3.2) << "pose " << i;
    // All but one in a hundred.
    EXPECT_LT(stretches[stretches.size() * 99 / 100], 1.8) << "pose " << i;
  }
}

TEST(FreeBodyPose, KeepsItsVolumeWhenItBends) {
  const double rest = volume(free_body().data, shaped_vertices(free_body().data, {}));
  for (const NamedPose& pose : sheet_poses()) {
    const PosedBody posed = model().pose(body_pose_of(pose, {}));
    std::vector<Vec> vertices;
    for (const Point3& p : posed.vertices) vertices.push_back({p[0], p[1], p[2]});
    EXPECT_NEAR(volume(free_body().data, vertices) / rest, 1, 0.08) << pose.name;
  }
}

// The least distance of skin near a joint from the joint: how thin a limb gets.
double thinnest(const PosedBody& posed, std::size_t joint) {
  const Point3& j = posed.joints45[joint];
  double least = 1;
  for (const Point3& p : posed.vertices) {
    least = std::min(least, length(Vec{p[0] - j[0], p[1] - j[1], p[2] - j[2]}));
  }
  return least;
}

TEST(FreeBodyPose, DoesNotPinchALimbThatBendsOrTwists) {
  const struct {
    const char* name;
    JointTurn turn;
    std::size_t thin_at;
    double kept;  // share of the radius at rest
  } rows[] = {{"knee 90", {4, {90, 0, 0}}, 4, 0.6},
              {"elbow 90", {18, {0, -90, 0}}, 18, 0.6},
              {"forearm twisted 80", {18, {80, 0, 0}}, 18, 0.85},
              {"wrist twisted 60", {20, {60, 0, 0}}, 20, 0.85},
              {"upper arm twisted 60", {16, {60, 0, 0}}, 16, 0.85},
              {"head turned 60", {12, {0, 60, 0}}, 12, 0.85}};
  const PosedBody rest = model().pose(body_pose_of({"rest", {}}, {}));
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const PosedBody posed = model().pose(body_pose_of({row.name, {row.turn}}, {}));
    EXPECT_GT(thinnest(posed, row.thin_at) / thinnest(rest, row.thin_at), row.kept);
  }
}

TEST(FreeBodyPose, PutsTheRegressedKeypointsNextToTheirJoints) {
  Random random(9);
  for (int i = 0; i < 20; ++i) {
    const PosedBody posed = model().pose(body_pose_of(random_pose(random), {}));
    for (std::size_t k = 0; k < 12; ++k) {
      // right/left ankle, knee, ... of the regressed list against the joint of the same name.
      constexpr std::size_t kJoint[] = {8, 5, 2, 1, 4, 7, 21, 19, 17, 16, 18, 20};
      const Point3& a = posed.keypoints_3d[k + kMappedKeypointCount];
      const Point3& b = posed.joints45[kJoint[k]];
      EXPECT_LT(length(Vec{a[0] - b[0], a[1] - b[1], a[2] - b[2]}), 0.05)
          << kKeypointNames[k + kMappedKeypointCount] << " in pose " << i;
    }
  }
}

}  // namespace
}  // namespace posefleet::training

#include "training/footage/stance.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "training/body/free_body.h"
#include "training/capsule_body.h"
#include "training/footage/motion.h"

namespace posefleet::training {
namespace {

// From a world of y up, z towards the camera, left of a facing person to the right.
constexpr Rotation kFacing = {1, 0, 0, 0, -1, 0, 0, 0, -1};

struct Posable {
  std::shared_ptr<const BodyModel> model;
  Poser poser;
  explicit Posable(const BodyData& data) : model(BodyModel::make(data).value()), poser(data) {}

  std::array<Point3, kAllJointCount> joints(const Stance& stance) const {
    return model->pose(poser.pose(stance, kFacing)).joints45;
  }
};

const Posable& body() {
  static const Posable made(make_free_body());
  return made;
}

float angle_between(const Point3& a, const Point3& b) {
  return std::acos(std::clamp(dot(unit(a), unit(b)), -1.0f, 1.0f)) / kDegree;
}

TEST(Stance, HangsArmsAndLegsStraightDownWhateverTheRestPose) {
  const Posable capsules(make_capsule_body());
  for (const Posable* posable : {&body(), &capsules}) {
    const auto joints = posable->joints({});
    const Point3 down = {0, 1, 0};
    // Hip to knee, knee to ankle, shoulder to elbow, elbow to wrist; left, then right.
    constexpr std::array<std::array<std::size_t, 2>, 8> kLimbs = {
        {{1, 4}, {4, 7}, {16, 18}, {18, 20}, {2, 5}, {5, 8}, {17, 19}, {19, 21}}};
    for (const auto& [from, to] : kLimbs) {
      EXPECT_LT(angle_between(joints[to] - joints[from], down), 1.0f) << from << " to " << to;
    }
    // Left is at the picture's right, and the body looks at the camera.
    EXPECT_GT(joints[16][0], joints[17][0]);
    EXPECT_LT(joints[10][2], joints[7][2]);
  }
}

TEST(Stance, MovesEachPartToItsSide) {
  struct Case {
    const char* name;
    Stance stance;
    std::size_t from, to;
    Point3 direction;  // camera axes
  };
  Stance front, side, up, across, step, kick, bow, turn, elbow;
  front.arms[kLeft].swing = 90;
  side.arms[kRight].spread = 90;
  up.arms[kLeft].swing = 180;
  step.legs[kRight].flex = 90;
  kick.legs[kLeft].spread = 45;
  bow.bend = 90;
  turn.heading = 90;
  elbow.arms[kLeft].elbow = 90;
  Stance knee;
  knee.legs[kLeft].knee = 90;
  const float half = std::sqrt(0.5f);
  const std::vector<Case> cases = {
      {"left arm to the front", front, 16, 20, {0, 0, -1}},
      {"left arm up", up, 16, 20, {0, -1, 0}},
      {"right thigh to the front", step, 2, 5, {0, 0, -1}},
      {"left leg to the left", kick, 1, 7, {half, half, 0}},
      {"left forearm to the front", elbow, 18, 20, {0, 0, -1}},
      {"left shin to the back", knee, 4, 7, {0, 0, 1}},
      {"turned to the left: toes to the picture's right", turn, 7, 10, {1, 0, 0}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto joints = body().joints(c.stance);
    // A foot's own line is a little down; limbs are exact.
    EXPECT_LT(angle_between(joints[c.to] - joints[c.from], c.direction), c.to == 10 ? 35.0f : 1.5f);
  }
  // Shoulders carry an arm that is spread level up with them.
  const auto joints = body().joints(side);
  EXPECT_LT(angle_between(joints[21] - joints[17], {-1, 0, 0}), 12.0f);
  EXPECT_LT(body().joints(bow)[15][2], body().joints({})[15][2] - 0.2f);
}

TEST(Stance, LooksTheSameInTheMirror) {
  Dice dice(5, 0);
  for (int i = 0; i < 50; ++i) {
    const Stance stance = random_stance(dice, 1).stance;
    const auto joints = body().joints(stance);
    const auto swapped = body().joints(mirrored(stance));
    constexpr std::array<std::array<std::size_t, 2>, 6> kPairs = {
        {{1, 2}, {7, 8}, {16, 17}, {20, 21}, {10, 11}, {15, 15}}};
    for (const auto& [left, right] : kPairs) {
      EXPECT_NEAR(joints[left][0] - joints[0][0], -(swapped[right][0] - swapped[0][0]), 2e-3);
      EXPECT_NEAR(joints[left][1], swapped[right][1], 2e-3);
      EXPECT_NEAR(joints[left][2], swapped[right][2], 2e-3);
    }
  }
}

TEST(Stance, PlantsTheFootFlat) {
  Stance stance;
  stance.fall_front = 25;
  for (LegAngles& leg : stance.legs) {
    leg.flex = 80;
    plant(leg, stance.fall_front, 20);
  }
  const auto turns = joint_turns(body().poser.pose(stance, kFacing));
  for (const std::size_t ankle : {7, 8}) {
    const Point3 up = turns[ankle] * Point3{0, 1, 0};
    EXPECT_LT(angle_between(up, {0, -1, 0}), 0.5f);
  }
}

TEST(Stance, CutsOffWhatJointsCannotDo) {
  Stance stance;
  stance.legs[kLeft].knee = -60;
  stance.arms[kRight].elbow = 200;
  stance.twist = -1000;
  const Stance cut = limited(stance);
  EXPECT_EQ(cut.legs[kLeft].knee, 0);
  EXPECT_EQ(cut.arms[kRight].elbow, 145);
  EXPECT_EQ(cut.twist, -60);
  EXPECT_EQ(limited(cut).angles(), cut.angles());
}

TEST(Motion, KeepsRandomPeopleWithinTheirJoints) {
  Dice dice(7, 0);
  std::array<int, kMotionCount> seen{};
  for (int i = 0; i < 600; ++i) {
    const RandomStance chosen = random_stance(dice, 1);
    ++seen[static_cast<std::size_t>(chosen.motion)];
    SCOPED_TRACE(std::string(name_of(chosen.motion)) + " " + std::to_string(i));
    const auto angles = chosen.stance.angles();
    const auto& ranges = angle_ranges();
    for (std::size_t k = 0; k < angles.size(); ++k) {
      ASSERT_GE(angles[k], ranges[k].low - 1e-3f) << k;
      ASSERT_LE(angles[k], ranges[k].high + 1e-3f) << k;
    }
    if (i % 4 != 0) continue;
    // And so in space: knees and elbows bend one way only, and not more than they can.
    const BodyPose pose = body().poser.pose(chosen.stance, kFacing);
    const auto joints = body().model->pose(pose).joints45;
    const auto turns = joint_turns(pose);
    for (const std::size_t side : {0U, 1U}) {
      const Point3 thigh = joints[4 + side] - joints[1 + side];
      const Point3 shin = joints[7 + side] - joints[4 + side];
      ASSERT_LT(angle_between(thigh, shin), 147.0f);
      ASSERT_LT(dot(turns[1 + side] * Point3{0, 0, 1}, unit(shin)), 0.25f);
      const Point3 upper = joints[18 + side] - joints[16 + side];
      const Point3 fore = joints[20 + side] - joints[18 + side];
      ASSERT_LT(angle_between(upper, fore), 147.0f);
      ASSERT_GT(dot(turns[16 + side] * Point3{0, 0, 1}, unit(fore)), -0.25f);
    }
  }
  EXPECT_TRUE(std::all_of(seen.begin(), seen.end(), [](int count) { return count > 0; }));
}

TEST(Motion, StandsUprightAtRangeZero) {
  Dice dice(8, 0);
  for (int i = 0; i < 100; ++i) {
    const Stance stance = random_stance(dice, 0).stance;
    for (const float angle : stance.angles()) EXPECT_LE(std::fabs(angle), 13.0f);
    EXPECT_EQ(stance.fall_front, 0);
    EXPECT_EQ(stance.height, 0);
  }
}

TEST(Motion, FlowsWithoutJumps) {
  Dice dice(9, 0);
  for (int m = 0; m < kMotionCount; ++m) {
    const auto motion = static_cast<Motion>(m);
    SCOPED_TRACE(name_of(motion));
    const Manner manner = random_manner(dice);
    auto before = stance_of(motion, manner, 0).angles();
    for (int i = 1; i <= 200; ++i) {
      const auto now = stance_of(motion, manner, static_cast<float>(i) / 200).angles();
      for (std::size_t k = 0; k < now.size(); ++k) EXPECT_LT(std::fabs(now[k] - before[k]), 10.0f);
      before = now;
    }
    const auto first = stance_of(motion, manner, 0).angles();
    for (std::size_t k = 0; k < first.size(); ++k) EXPECT_NEAR(first[k], before[k], 1e-2);
  }
}

}  // namespace
}  // namespace posefleet::training

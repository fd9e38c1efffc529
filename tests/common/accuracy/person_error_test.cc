// The errors of one body: known values by hand, and what must not change them.
#include "common/accuracy/person_error.h"

#include <cmath>

#include <gtest/gtest.h>

#include "common/accuracy/axis_angle.h"
#include "common/base/random.h"

namespace posefleet {
namespace {

constexpr double kPi = 3.14159265358979323846;
// Float32 coordinates of about a metre, in millimetres.
constexpr double kRounding = 1e-3;

Keypoints some_keypoints(std::uint64_t seed) {
  Random random(seed);
  Keypoints keypoints;
  for (Point3& point : keypoints) {
    for (float& number : point) number = static_cast<float>(random.normal() * 0.4);
  }
  return keypoints;
}

// turn * scale * point + move.
Keypoints moved(const Keypoints& keypoints, const AxisAngle& turn, double scale,
                const Point3& move) {
  const Rotation r = rotation_of(turn);
  Keypoints result;
  for (std::size_t i = 0; i < keypoints.size(); ++i) {
    const Point3& p = keypoints[i];
    for (std::size_t row = 0; row < 3; ++row) {
      const double turned =
          double{r[3 * row]} * p[0] + double{r[3 * row + 1]} * p[1] + double{r[3 * row + 2]} * p[2];
      result[i][row] = static_cast<float>(scale * turned + move[row]);
    }
  }
  return result;
}

TEST(PersonError, IsZeroForEqualBodies) {
  const Keypoints body = some_keypoints(1);
  EXPECT_EQ(joint_error_mm(body, body), 0);
  EXPECT_NEAR(joint_error_after_alignment_mm(body, body), 0, kRounding);
  const PosedBody posed{{body.begin(), body.end()}, {}, body};
  EXPECT_EQ(vertex_error_mm(posed, posed), 0);
}

TEST(PersonError, JointErrorDoesNotSeeWhereTheBodyStands) {
  const Keypoints truth = some_keypoints(2);
  const Keypoints found = some_keypoints(3);
  const double error = joint_error_mm(found, truth);
  EXPECT_GT(error, 100);
  EXPECT_NEAR(joint_error_mm(moved(found, {0, 0, 0}, 1, {1, -2, 3}), truth), error, 10 * kRounding);
  EXPECT_NEAR(joint_error_mm(found, moved(truth, {0, 0, 0}, 1, {1, -2, 3})), error, 10 * kRounding);
}

TEST(PersonError, KnownJointErrors) {
  const Keypoints truth = some_keypoints(4);
  {
    SCOPED_TRACE("one of 14 joints 70 mm off");
    Keypoints found = truth;
    found[25][1] += 0.07f;
    EXPECT_NEAR(joint_error_mm(found, truth), 5, kRounding);
  }
  {
    SCOPED_TRACE("the pelvis 10 mm off moves all others");
    Keypoints found = truth;
    found[kPelvisKeypoint][0] += 0.01f;
    EXPECT_NEAR(joint_error_mm(found, truth), 10, kRounding);
    EXPECT_NEAR(joint_error_after_alignment_mm(found, truth), 0, kRounding)
        << "the pelvis is not among the 14";
  }
  {
    SCOPED_TRACE("a keypoint that is not judged");
    Keypoints found = truth;
    for (const std::size_t i : {0u, 24u, 38u, 40u, 41u, 42u}) found[i] = {9, 9, 9};
    EXPECT_EQ(joint_error_mm(found, truth), 0);
  }
  {
    SCOPED_TRACE("3, 4, 12: 13 mm each");
    Keypoints found = truth;
    for (const int i : kJudgedKeypoints) {
      Point3& p = found[static_cast<std::size_t>(i)];
      p = {p[0] + 0.003f, p[1] + 0.004f, p[2] + 0.012f};
    }
    EXPECT_NEAR(joint_error_mm(found, truth), 13, kRounding);
    EXPECT_NEAR(joint_error_after_alignment_mm(found, truth), 0, kRounding);
  }
}

TEST(PersonError, AlignmentTakesMoveTurnAndSizeAway) {
  Random random(5);
  for (std::uint64_t i = 0; i < 50; ++i) {
    const Keypoints truth = some_keypoints(100 + i);
    const Keypoints found = some_keypoints(200 + i);
    const AxisAngle turn = {kPi * random.unit(), 2 * random.unit() - 1, 2 * random.unit() - 1};
    const double scale = 0.3 + 2 * random.unit();
    const double error = joint_error_after_alignment_mm(found, truth);
    EXPECT_GT(error, 10);
    EXPECT_LT(error, joint_error_mm(found, truth));
    EXPECT_NEAR(joint_error_after_alignment_mm(moved(found, turn, scale, {3, -1, 2}), truth), error,
                10 * kRounding);
    EXPECT_NEAR(joint_error_after_alignment_mm(moved(truth, turn, scale, {3, -1, 2}), truth), 0,
                10 * kRounding);
  }
}

TEST(PersonError, AlignmentDoesNotMirror) {
  const Keypoints truth = some_keypoints(6);
  Keypoints mirrored = truth;
  for (Point3& point : mirrored) point[0] = -point[0];
  EXPECT_GT(joint_error_after_alignment_mm(mirrored, truth), 50);
}

TEST(PersonError, AlignmentIsTheBestThereIs) {
  // No small turn or change of size from where it ends has a smaller sum of squares.
  const Keypoints found = some_keypoints(7);
  const Keypoints truth = some_keypoints(8);
  const JudgedPoints targets = judged_points(truth);
  const std::vector<Point3> aligned = aligned_by_similarity(judged_points(found), targets);
  const auto squares = [&](const AxisAngle& turn, double scale) {
    Keypoints all{};
    for (std::size_t i = 0; i < aligned.size(); ++i) {
      all[static_cast<std::size_t>(kJudgedKeypoints[i])] = aligned[i];
    }
    const JudgedPoints points = judged_points(moved(all, turn, scale, {0, 0, 0}));
    double sum = 0;
    for (std::size_t i = 0; i < points.size(); ++i) {
      for (std::size_t k = 0; k < 3; ++k) sum += std::pow(points[i][k] - targets[i][k], 2);
    }
    return sum;
  };
  const double least = squares({0, 0, 0}, 1);
  for (const double step : {-0.01, 0.01}) {
    EXPECT_GT(squares({step, 0, 0}, 1), least);
    EXPECT_GT(squares({0, step, 0}, 1), least);
    EXPECT_GT(squares({0, 0, step}, 1), least);
    EXPECT_GT(squares({0, 0, 0}, 1 + step), least);
  }
}

TEST(PersonError, FlatAndCoincidingPointsHaveAnError) {
  Keypoints dot{};
  const Keypoints truth = some_keypoints(9);
  const double spread = joint_error_after_alignment_mm(dot, truth);
  EXPECT_TRUE(std::isfinite(spread));
  EXPECT_GT(spread, 100) << "the mean distance of the joints from their middle";
  EXPECT_NEAR(joint_error_after_alignment_mm(truth, dot), 0, kRounding) << "shrunk to a point";
  Keypoints flat = truth;
  for (Point3& point : flat) point[2] = 0;
  EXPECT_NEAR(joint_error_after_alignment_mm(moved(flat, {1, 2, 0}, 2, {0, 0, 1}), flat), 0,
              10 * kRounding);
}

TEST(PersonError, VertexErrorIsOfTheBodiesWithTheirPelvisesTogether) {
  PosedBody truth{{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, {}, some_keypoints(10)};
  PosedBody found = truth;
  found.vertices[2][1] += 0.04f;
  EXPECT_NEAR(vertex_error_mm(found, truth), 10, kRounding);
  for (Point3& vertex : found.vertices) vertex[0] += 5;
  for (Point3& point : found.keypoints_3d) point[0] += 5;
  EXPECT_NEAR(vertex_error_mm(found, truth), 10, kRounding);
}

TEST(PersonError, KeypointsAreHitWithinAShareOfTheBox) {
  // At 10 m with a focal length of 1000, 1 cm is one pixel. The box's larger side is 200 pixels:
  // 0.05 are 10 pixels, 0.1 are 20.
  const FrameCamera camera{{0, 0, 10}, 1000, {640, 480}};
  const PersonBox box{0, 0, 90, 200};
  Keypoints truth{};
  const struct {
    const char* name;
    float offset;  // metres
    int within_005, within_010;
  } kCases[] = {
      {"there", 0, 14, 14},         {"9 pixels", 0.09f, 14, 14}, {"11 pixels", 0.11f, 0, 14},
      {"19 pixels", -0.19f, 0, 14}, {"21 pixels", 0.21f, 0, 0},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    Keypoints found{};
    for (Point3& point : found) point[1] = test.offset;
    EXPECT_EQ(keypoint_hits(found, camera, truth, camera, box),
              (KeypointHits{14, test.within_005, test.within_010}));
  }
  Keypoints found{};
  found[25][2] = -20;  // behind the camera: not hit
  EXPECT_EQ(keypoint_hits(found, camera, truth, camera, box), (KeypointHits{14, 13, 13}));
  EXPECT_EQ(keypoint_hits(truth, camera, found, camera, box), (KeypointHits{13, 13, 13}));
  // Twice as far with twice the focal length is the same picture.
  EXPECT_EQ(keypoint_hits(truth, {{0, 0, 20}, 2000, {640, 480}}, truth, camera, box),
            (KeypointHits{14, 14, 14}));
}

TEST(PersonError, FacingIsAQuarterOfTheTurnAboutTheUprightAxis) {
  // Upright before the camera: half a turn about x, then a turn about the camera's y axis. A
  // positive turn about y (down) takes -z (towards the camera) to -x, the left of the picture.
  const struct {
    double degrees;
    Facing expected;
  } kCases[] = {{0, Facing::Towards},   {44, Facing::Towards}, {46, Facing::Left},
                {134, Facing::Left},    {136, Facing::Away},   {180, Facing::Away},
                {224, Facing::Away},    {226, Facing::Right},  {314, Facing::Right},
                {316, Facing::Towards}, {-44, Facing::Towards}};
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.degrees);
    const double half = test.degrees / 180 * kPi;
    // R_y(a) R_x(pi): columns of R_y with y and z negated.
    const auto c = static_cast<float>(std::cos(half));
    const auto s = static_cast<float>(std::sin(half));
    const Rotation orient = {c, 0, -s, 0, -1, 0, -s, 0, -c};
    ASSERT_TRUE(is_rotation(orient, 1e-5));
    EXPECT_EQ(facing_of(orient), test.expected);
  }
}

}  // namespace
}  // namespace posefleet

#include "training/footage/crop_source.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/training/footage/bodies.h"
#include "training/footage/body_parts.h"
#include "training/footage/geometry.h"

namespace posefleet::training {
namespace {

struct Made {
  CropTruth truth;
  std::vector<std::uint8_t> rgb = std::vector<std::uint8_t>(kFootageCropBytes);
};

Made made(std::uint64_t seed, std::uint64_t index, const Curriculum& curriculum = {}) {
  Made crop;
  crop.truth = tests::crops().make(seed, index, curriculum, crop.rgb);
  return crop;
}

bool same(const Made& a, const Made& b) {
  return a.rgb == b.rgb && a.truth.camera == b.truth.camera && a.truth.joints == b.truth.joints &&
         a.truth.keypoints_2d == b.truth.keypoints_2d && a.truth.visible == b.truth.visible &&
         a.truth.pose.betas == b.truth.pose.betas && a.truth.surface == b.truth.surface;
}

TEST(CropSource, GivesTheSameBytesForTheSameNumbers) {
  const Curriculum narrow = {.yaw_limit = 40, .pose_range = 0.5f, .clutter = 0.5f};
  const CropSource other = CropSource::create(tests::free_body_data()).value();
  for (std::uint64_t index = 0; index < 6; ++index) {
    const Made first = made(3, index, narrow);
    EXPECT_TRUE(same(first, made(3, index, narrow)));
    Made from_other;
    from_other.truth = other.make(3, index, narrow, from_other.rgb);
    EXPECT_TRUE(same(first, from_other));
    EXPECT_FALSE(same(first, made(3, index + 1, narrow)));
    EXPECT_FALSE(same(first, made(4, index, narrow)));
  }
}

TEST(CropSource, ServesManyThreadsWithTheSameBytes) {
  constexpr std::size_t kCount = 24;
  std::vector<Made> alone(kCount), together(kCount);
  for (std::size_t i = 0; i < kCount; ++i) alone[i] = made(5, i);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < 4; ++t) {
      threads.emplace_back([&together, t] {
        for (std::size_t i = t; i < kCount; i += 4) together[i] = made(5, i);
      });
    }
  }
  for (std::size_t i = 0; i < kCount; ++i) EXPECT_TRUE(same(alone[i], together[i])) << i;
}

TEST(CropSource, TellsTheTruthOfTheBody) {
  for (std::uint64_t index = 0; index < 20; ++index) {
    const CropTruth truth = made(6, index).truth;
    const PosedBody body = tests::dresser().model().pose(truth.pose);
    EXPECT_EQ(truth.keypoints_3d, body.keypoints_3d);
    EXPECT_TRUE(std::equal(truth.joints.begin(), truth.joints.end(), body.joints45.begin()));
    for (const float beta : truth.pose.betas) EXPECT_LE(std::fabs(beta), 2.5f);
    EXPECT_GE(truth.visible, 0);
    EXPECT_LE(truth.visible, 1);
  }
}

TEST(CropSource, ProjectsByItsCameraToWhereTheKeypointsAre) {
  float worst = 0;
  for (std::uint64_t index = 0; index < 100; ++index) {
    const CropTruth truth = made(7, index).truth;
    const auto [s, tx, ty] = truth.camera;
    ASSERT_GT(s, 0.2f);
    const double distance = 2 * 5000 / (256 * double{s} + 1e-9);
    for (std::size_t k = 0; k < truth.keypoints_3d.size(); ++k) {
      const Point3& p = truth.keypoints_3d[k];
      const double scale = 5000.0 / 256 / (p[2] + distance);
      const double x = (p[0] + tx) * scale, y = (p[1] + ty) * scale;
      worst = std::max(worst, static_cast<float>(std::fabs(x - truth.keypoints_2d[k][0])));
      worst = std::max(worst, static_cast<float>(std::fabs(y - truth.keypoints_2d[k][1])));
    }
  }
  EXPECT_LT(worst, kPerspectiveErrorMax);
  EXPECT_GT(worst, 0.001f) << "people are drawn in perspective";
}

// Degrees between the pelvis's front and the camera, seen from above the body.
float yaw_of(const BodyPose& pose) {
  const Point3 front = pose.global_orient * Point3{0, 0, 1};
  return std::atan2(std::fabs(front[0]), -front[2]) / kDegree;
}

TEST(CropSource, KeepsToTheCurriculum) {
  float widest = 0, farthest = 0;
  for (std::uint64_t index = 0; index < 40; ++index) {
    const CropTruth easy = made(8, index, {30, 0, 0, 0}).truth;
    // The camera's roll adds a little.
    EXPECT_LT(yaw_of(easy.pose), 45.0f);
    widest = std::max(widest, yaw_of(made(8, index, {180, 0, 0, 0}).truth.pose));
    // Upright: the head above the feet.
    const Point3 body = easy.joints[15] - mix(easy.joints[7], easy.joints[8], 0.5f);
    EXPECT_LT(std::hypot(body[0], body[2]), 1.4f * std::fabs(body[1]));
    farthest = std::max(farthest, std::fabs(body[0]));
  }
  EXPECT_GT(widest, 150);
  EXPECT_LT(farthest, 0.6f);
}

TEST(CropSource, SeesLessOfPeopleWhoAreHidden) {
  double open = 0, hidden = 0;
  int well_seen = 0;
  constexpr int kCount = 60;
  for (std::uint64_t index = 0; index < kCount; ++index) {
    const float clear = made(9, index, {180, 1, 0, 0}).truth.visible;
    open += clear / kCount;
    well_seen += clear > 0.85f;
    hidden += made(9, index, {180, 1, 0, 1}).truth.visible / kCount;
  }
  // Without anything in front, only the box's jitter cuts something off.
  EXPECT_GT(open, 0.94);
  EXPECT_GE(well_seen, kCount - 4);
  EXPECT_LT(hidden, open - 0.03);
  EXPECT_GT(hidden, 0.6);
}

TEST(CropSource, ShowsThePersonWhereTheTruthSays) {
  // Clean pictures: where the keypoints of trunk and limbs are, the picture differs from its edge.
  int seen = 0, count = 0;
  for (std::uint64_t index = 0; index < 30; ++index) {
    const Made crop = made(10, index, {180, 0.3f, 0, 0});
    const auto colour = [&](float x, float y) {
      const int column = std::clamp(static_cast<int>((x + 0.5f) * 256), 0, 255);
      const int row = std::clamp(static_cast<int>((y + 0.5f) * 256), 0, 255);
      return crop.rgb.data() + 3 * (row * 256 + column);
    };
    for (const std::size_t k : {8U, 10U, 13U, 39U}) {
      const auto [x, y] = crop.truth.keypoints_2d[k];
      const std::uint8_t* body = colour(x, y);
      const std::uint8_t* beside = colour(x < 0 ? -0.49f : 0.49f, y);
      int difference = 0;
      for (int c = 0; c < 3; ++c) difference += std::abs(body[c] - beside[c]);
      seen += difference > 24;
      ++count;
    }
  }
  EXPECT_GT(seen, count * 3 / 4);
}

// Labels are kFirstPart + 4 * region + 2 * (is left) + (is front).
TEST(CropSource, LabelsThePartsThatAreSeen) {
  int knees = 0, own = 0, away_front = 0, away = 0, towards_front = 0, towards = 0;
  for (std::uint64_t index = 0; index < 40; ++index) {
    const CropTruth truth = made(12, index, {180, 0.2f, 0, 0}).truth;
    // Which way the body's front points, camera axes: negative towards the camera.
    const float facing = truth.pose.global_orient[8];
    for (const std::uint8_t label : truth.surface) {
      if (label < kFirstPart) continue;
      const bool is_front = (label - kFirstPart) % 2 == 1;
      if (facing < -0.8f) towards_front += is_front, ++towards;
      if (facing > 0.8f) away_front += is_front, ++away;
    }
    // Around a left knee, left legs. Seen from the side, the other may hide it.
    if (std::fabs(facing) < 0.6f) continue;
    const auto [x, y] = truth.keypoints_2d[13];
    const auto cell = [](float at) { return static_cast<std::size_t>((at + 0.5f) * kSurfaceSide); };
    const std::uint8_t label = truth.surface[cell(y) * kSurfaceSide + cell(x)];
    if (label < kFirstPart) continue;
    ++knees;
    const int region = (label - kFirstPart) / 4;
    const bool is_leg =
        region == static_cast<int>(BodyPart::Thigh) || region == static_cast<int>(BodyPart::Calf);
    own += is_leg && (label - kFirstPart) / 2 % 2 == 1;
  }
  EXPECT_GT(knees, 20);
  EXPECT_GT(own, knees * 9 / 10);
  ASSERT_GT(towards, 1000);
  ASSERT_GT(away, 1000);
  EXPECT_GT(towards_front, towards * 3 / 4);
  EXPECT_LT(away_front, away / 4);
}

TEST(CropSource, RefusesADamagedBody) {
  BodyData body = tests::free_body_data();
  body.v_template[7] = std::numeric_limits<float>::quiet_NaN();
  const auto source = CropSource::create(body);
  ASSERT_FALSE(source.has_value());
  EXPECT_NE(source.error().message.find("v_template"), std::string::npos) << source.error().message;
}

}  // namespace
}  // namespace posefleet::training

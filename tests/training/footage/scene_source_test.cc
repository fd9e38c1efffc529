#include "training/footage/scene_source.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "tests/training/footage/bodies.h"
#include "training/footage/geometry.h"

namespace posefleet::training {
namespace {

constexpr int kWidth = 192;
constexpr int kHeight = 128;

struct Made {
  SceneTruth truth;
  std::vector<std::uint8_t> rgb;
};

Made made(std::uint64_t seed, std::uint64_t index, int width = kWidth, int height = kHeight) {
  Made scene;
  scene.rgb.resize(static_cast<std::size_t>(3 * width * height));
  scene.truth = tests::scenes().make(seed, index, width, height, scene.rgb);
  return scene;
}

TEST(SceneSource, GivesTheSameBytesForTheSameNumbers) {
  for (std::uint64_t index = 0; index < 8; ++index) {
    const Made a = made(1, index), b = made(1, index);
    EXPECT_EQ(a.rgb, b.rgb);
    ASSERT_EQ(a.truth.people.size(), b.truth.people.size());
    for (std::size_t i = 0; i < a.truth.people.size(); ++i) {
      EXPECT_EQ(a.truth.people[i].x0, b.truth.people[i].x0);
      EXPECT_EQ(a.truth.people[i].visible, b.truth.people[i].visible);
      EXPECT_EQ(a.truth.people[i].pose.body_pose, b.truth.people[i].pose.body_pose);
    }
    EXPECT_NE(a.rgb, made(2, index).rgb);
  }
}

TEST(SceneSource, ShowsNobodyInSomeFramesAndSeveralInOthers) {
  constexpr int kFrames = 150;
  int empty = 0, several = 0, hidden = 0, people = 0;
  for (std::uint64_t index = 0; index < kFrames; ++index) {
    const SceneTruth truth = made(4, index).truth;
    empty += truth.people.empty();
    several += truth.people.size() > 2;
    ASSERT_LE(truth.people.size(), 6U);
    for (const ScenePerson& person : truth.people) hidden += person.visible < 0.6f;
    people += static_cast<int>(truth.people.size());
  }
  EXPECT_GE(empty, kFrames * 8 / 100);
  EXPECT_LE(empty, kFrames * 22 / 100);
  EXPECT_GE(several, kFrames / 5);
  EXPECT_GE(hidden, people / 20);
  EXPECT_LE(hidden, people / 2);
}

// A third of whose box lies in the other's.
bool meet(const ScenePerson& a, const ScenePerson& b) {
  const float width = std::min(a.x1, b.x1) - std::max(a.x0, b.x0);
  const float height = std::min(a.y1, b.y1) - std::max(a.y0, b.y0);
  const float own = (a.x1 - a.x0) * (a.y1 - a.y0);
  return width > 0 && height > 0 && width * height > own / 3;
}

TEST(SceneSource, ShowsManyOfSeveralPeopleBeforeOrBehindSomebody) {
  int people = 0, met = 0, half_hidden = 0;
  for (std::uint64_t index = 0; index < 100; ++index) {
    const SceneTruth truth = made(6, index).truth;
    if (truth.people.size() < 2) continue;
    for (const ScenePerson& person : truth.people) {
      ++people;
      half_hidden += person.visible > 0.25f && person.visible < 0.75f;
      met += std::any_of(truth.people.begin(), truth.people.end(), [&](const ScenePerson& other) {
        return &other != &person && meet(person, other);
      });
    }
  }
  EXPECT_GE(met, people * 2 / 5);
  EXPECT_GE(half_hidden, people / 5);
}

TEST(SceneSource, BoxesThePeopleThatItsTruthProjectsTo) {
  int checked = 0;
  for (std::uint64_t index = 0; index < 40; ++index) {
    const SceneTruth truth = made(5, index).truth;
    for (const ScenePerson& person : truth.people) {
      const float f = truth.focal_length;
      float x0 = 1e9f, x1 = -1e9f, y0 = 1e9f, y1 = -1e9f;
      for (const Point3& v : tests::dresser().model().pose(person.pose).vertices) {
        const Point3 p = v + person.translation;
        ASSERT_GT(p[2], 0.5f);
        const float x = f * p[0] / p[2] + 0.5f * kWidth, y = f * p[1] / p[2] + 0.5f * kHeight;
        x0 = std::min(x0, x), x1 = std::max(x1, x), y0 = std::min(y0, y), y1 = std::max(y1, y);
      }
      // Clothes, hair and boots add up to 9 cm on each side.
      const float cloth = 0.09f * f / person.translation[2] + 0.5f;
      const auto inside = [](float x, float end) { return std::clamp(x, 0.0f, end); };
      EXPECT_NEAR(person.x0, inside(x0, kWidth), cloth);
      EXPECT_NEAR(person.x1, inside(x1, kWidth), cloth);
      EXPECT_NEAR(person.y0, inside(y0, kHeight), cloth);
      EXPECT_NEAR(person.y1, inside(y1, kHeight), cloth);
      EXPECT_LE(person.x0, inside(x0, kWidth) + 0.01f);
      EXPECT_GE(person.y1, inside(y1, kHeight) - 0.01f);
      EXPECT_GE(person.height, y1 - y0 - 0.01f);
      EXPECT_GE(person.visible, 0);
      EXPECT_LE(person.visible, 1);
      // Lying and crouched people are less high than the 40 pixels of a standing one.
      EXPECT_GE(person.height, 8);
      ++checked;
    }
  }
  EXPECT_GT(checked, 40);
}

TEST(SceneSource, DrawsFarPeopleFirst) {
  for (std::uint64_t index = 0; index < 30; ++index) {
    const SceneTruth truth = made(6, index, 96, 64).truth;
    EXPECT_TRUE(std::is_sorted(truth.people.begin(), truth.people.end(),
                               [](const ScenePerson& a, const ScenePerson& b) {
                                 return a.translation[2] > b.translation[2];
                               }));
  }
}

}  // namespace
}  // namespace posefleet::training

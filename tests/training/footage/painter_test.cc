#include "training/footage/painter.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "tests/training/footage/bodies.h"
#include "training/footage/geometry.h"

namespace posefleet::training {
namespace {

constexpr int kWidth = 200;
constexpr int kHeight = 240;
constexpr float kFocal = 1000;

struct Canvas {
  std::vector<std::uint8_t> rgb = std::vector<std::uint8_t>(3 * kWidth * kHeight, 90);
  std::vector<std::uint8_t> owner = std::vector<std::uint8_t>(kWidth * kHeight, 0);
  Picture picture() { return {rgb.data(), kWidth, kHeight, owner.data()}; }
};

// Which pixels' middles the truth's own triangles cover, with nothing of the project's rasteriser.
std::vector<bool> silhouette(const BodyPose& pose, const Point3& translation) {
  const PosedBody body = tests::dresser().model().pose(pose);
  std::vector<bool> covered(kWidth * kHeight, false);
  for (const auto& face : tests::dresser().model().faces()) {
    std::array<Point2, 3> p;
    for (std::size_t i = 0; i < 3; ++i) {
      const Point3 v = body.vertices[static_cast<std::size_t>(face[i])] + translation;
      p[i] = {kFocal * v[0] / v[2] + 0.5f * kWidth, kFocal * v[1] / v[2] + 0.5f * kHeight};
    }
    const auto [x0, x1] = std::minmax({p[0][0], p[1][0], p[2][0]});
    const auto [y0, y1] = std::minmax({p[0][1], p[1][1], p[2][1]});
    for (int y = std::max(0, static_cast<int>(y0)); y <= std::min(kHeight - 1.0f, y1); ++y) {
      for (int x = std::max(0, static_cast<int>(x0)); x <= std::min(kWidth - 1.0f, x1); ++x) {
        int positive = 0;
        for (std::size_t i = 0; i < 3; ++i) {
          const Point2 &a = p[i], &b = p[(i + 1) % 3];
          const float cx = static_cast<float>(x) + 0.5f, cy = static_cast<float>(y) + 0.5f;
          positive += (b[0] - a[0]) * (cy - a[1]) - (b[1] - a[1]) * (cx - a[0]) > 0;
        }
        if (positive == 0 || positive == 3)
          covered[static_cast<std::size_t>(y * kWidth + x)] = true;
      }
    }
  }
  return covered;
}

struct Overlap {
  double ratio;   // both / either
  double inside;  // share of the bare body that is painted
};

Overlap overlap(const std::vector<bool>& bare, const std::vector<std::uint8_t>& owner) {
  int both = 0, either = 0, body = 0;
  for (std::size_t i = 0; i < bare.size(); ++i) {
    both += bare[i] && owner[i] == 7;
    either += bare[i] || owner[i] == 7;
    body += bare[i];
  }
  return {static_cast<double>(both) / either, static_cast<double>(both) / body};
}

constexpr Rotation kFacing = {1, 0, 0, 0, -1, 0, 0, 0, -1};
constexpr Point3 kPlace = {0.05f, 0.2f, 8.5f};

TEST(Painter, PaintsBodiesWhereTheTruthHasThem) {
  Painter painter = Painter::create();
  Dice dice(21, 0);
  for (int i = 0; i < 12; ++i) {
    SCOPED_TRACE(i);
    const RandomStance chosen = random_stance(dice, 0.8f);
    Person person = tests::dresser().random_person(dice, chosen.motion);
    person.gear.clear();
    const BodyPose pose = tests::dresser().poser().pose(chosen.stance, kFacing * turn_y(40.0f * i));
    const Figure dressed = tests::dresser().figure(person, pose, kPlace);
    Canvas canvas;
    painter.draw(canvas.picture(), tests::dresser(), dressed, kFocal, 7);
    const std::vector<bool> bare = silhouette(dressed.pose, kPlace);
    // Clothes lie outside the body, by a pixel or a few.
    EXPECT_GT(overlap(bare, canvas.owner).inside, 0.985);
    EXPECT_GT(overlap(bare, canvas.owner).ratio, 0.66);

    std::fill(person.outfit.thickness.begin(), person.outfit.thickness.end(), 0.0f);
    const Figure naked = tests::dresser().figure(person, pose, kPlace);
    Canvas plain;
    painter.draw(plain.picture(), tests::dresser(), naked, kFocal, 7);
    EXPECT_GT(overlap(bare, plain.owner).ratio, 0.95);
  }
}

TEST(Painter, CountsWhatItCoversAndLeavesTheRest) {
  Painter painter = Painter::create();
  Dice dice(22, 0);
  const Person person = tests::dresser().random_person(dice, Motion::Stand);
  const Figure figure =
      tests::dresser().figure(person, tests::dresser().poser().pose({}, kFacing), kPlace);
  Canvas canvas;
  const int count = painter.draw(canvas.picture(), tests::dresser(), figure, kFocal, 3);
  EXPECT_EQ(count, std::count(canvas.owner.begin(), canvas.owner.end(), 3));
  EXPECT_GT(count, 2000);
  // A frame of the picture's own colour is left around the person.
  for (int x = 0; x < 3 * kWidth; ++x) EXPECT_EQ(canvas.rgb[static_cast<std::size_t>(x)], 90);
  // What is filled later hides people.
  const std::array<Point2, 4> all = {{{0, 0}, {kWidth, 0}, {kWidth, kHeight}, {0, kHeight}}};
  fill_polygon(canvas.picture(), all, {.a = {1, 2, 3}});
  EXPECT_EQ(std::count(canvas.owner.begin(), canvas.owner.end(), 3), 0);
  EXPECT_EQ(canvas.rgb[0], 1);
  EXPECT_EQ(canvas.rgb.back(), 3);
}

TEST(Painter, DarkensTheGroundInTheShadowOnly) {
  Painter painter = Painter::create();
  Dice dice(23, 0);
  const Person person = tests::dresser().random_person(dice, Motion::Stand);
  const Rotation from_above = turn_x(20) * kFacing;
  const Figure figure =
      tests::dresser().figure(person, tests::dresser().poser().pose({}, from_above), kPlace);
  const Point3 up = from_above * Point3{0, 1, 0};
  const auto darkest = [&](float shadow) {
    Canvas canvas;
    painter.set_light({.to_sun = unit(up + Point3{0.8f, 0, 0}), .shadow = shadow}, up);
    painter.draw_shadow(canvas.picture(), tests::dresser(), figure, kFocal,
                        {up, figure.lowest(up)});
    EXPECT_EQ(*std::max_element(canvas.rgb.begin(), canvas.rgb.end()), 90);
    return static_cast<int>(*std::min_element(canvas.rgb.begin(), canvas.rgb.end()));
  };
  EXPECT_EQ(darkest(0), 90);
  EXPECT_NEAR(darkest(0.5f), 45, 3);
}

}  // namespace
}  // namespace posefleet::training

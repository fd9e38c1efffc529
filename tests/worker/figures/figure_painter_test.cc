// Styles, on frames of noise with the demo model's body.
#include "worker/figures/figure_painter.h"

#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "tests/worker/render/pictures.h"

namespace posefleet::tests {
namespace {

constexpr int kWidth = 320, kHeight = 240;
constexpr Rotation kUpright = {1, 0, 0, 0, -1, 0, 0, 0, -1};  // faces the camera
constexpr Rotation kNone = {1, 0, 0, 0, 1, 0, 0, 0, 1};

std::shared_ptr<const BodyModel> body() {
  static const auto loaded =
      BodyModel::load(std::string(POSEFLEET_SOURCE_DIR) + "/models/demo/body.safetensors").value();
  return loaded;
}

PersonPose person_at(float x, std::uint32_t track) {
  PersonPose person;
  person.box.score = 0.9f;
  person.global_orient = kUpright;
  person.body_pose.fill(kNone);
  person.camera_translation = {x, 0, 20};
  person.focal_length = 2000;
  person.track = track;
  return person;
}

FramePoses two_people() {
  return {7, {person_at(-0.6f, 1), person_at(0.7f, 2)}};
}

struct Painted {
  Frame frame{kWidth, kHeight, 1, 1, 11};
  FigureReport report;
};

void paint(const DrawSettings& settings, const FramePoses& poses, Painted& painted,
           const RangePoses& before = {}) {
  auto painter = FigurePainter::create(body(), settings);
  ASSERT_TRUE(painter) << painter.error().message;
  const auto report = painter->paint({&poses, &before, 1.5, 30}, painted.frame.planes);
  ASSERT_TRUE(report) << report.error().message;
  painted.report = *report;
}

std::size_t changed(const Painted& painted) {
  const Frame before(kWidth, kHeight, 1, 1, 11);
  std::size_t count = 0;
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) count += painted.frame.at(0, x, y) != before.at(0, x, y);
  }
  return count;
}

DrawSettings in_style(DrawStyle style) {
  DrawSettings settings;
  settings.style = style;
  return settings;
}

std::vector<DrawStyle> all_styles() {
  std::vector<DrawStyle> styles;
  for (std::size_t i = 0; i < kDrawStyleNames.size(); ++i) {
    styles.push_back(static_cast<DrawStyle>(i));
  }
  return styles;
}

TEST(FigurePainter, EveryStyleDrawsThePeopleAndTheSameBytesAgain) {
  std::map<std::vector<std::uint8_t>, DrawStyle> seen;
  for (const DrawStyle style : all_styles()) {
    Painted first, second;
    paint(in_style(style), two_people(), first);
    paint(in_style(style), two_people(), second);
    EXPECT_EQ(first.report.people_skipped, 0u);
    const std::size_t least = style == DrawStyle::Skeleton ? 600 : 2000;
    EXPECT_GT(changed(first), least) << name_of(style);
    EXPECT_LT(changed(first), shows_source(style) ? 30000u : 76801u) << name_of(style);
    EXPECT_EQ(first.frame.bytes[0], second.frame.bytes[0]) << name_of(style);
    EXPECT_EQ(first.frame.bytes[1], second.frame.bytes[1]) << name_of(style);
    // Side by side is the mesh, in half of a larger frame.
    if (style == DrawStyle::SideBySide) continue;
    EXPECT_TRUE(seen.insert({first.frame.bytes[0], style}).second) << name_of(style);
  }
}

TEST(FigurePainter, WithNobodyThereThePictureStaysOrIsTheGround) {
  for (const DrawStyle style : all_styles()) {
    Painted painted;
    paint(in_style(style), {7, {}}, painted);
    if (shows_source(style)) {
      EXPECT_EQ(changed(painted), 0u) << name_of(style);
      continue;
    }
    for (int x = 0; x < kWidth; ++x) {
      ASSERT_EQ(painted.frame.at(0, x, 100), painted.frame.at(0, 0, 0)) << name_of(style);
    }
  }
}

TEST(FigurePainter, WhoeverHasNumbersThatAreNoneIsLeftOutAndCounted) {
  for (const DrawStyle style : all_styles()) {
    Painted one, both;
    paint(in_style(style), {7, {person_at(-0.6f, 1)}}, one);
    FramePoses poses = two_people();
    poses.people[1].body_pose[3][4] = NAN;
    paint(in_style(style), poses, both);
    EXPECT_EQ(both.report.people_skipped, 1u);
    EXPECT_EQ(both.frame.bytes[0], one.frame.bytes[0]) << name_of(style);
  }
}

TEST(FigurePainter, AColourStaysWithItsTrackWhateverTheOrder) {
  FramePoses turned = two_people();
  std::swap(turned.people[0], turned.people[1]);
  DrawSettings settings;
  settings.palette = {{255, 0, 0}, {0, 0, 255}};
  for (const bool has_palette : {false, true}) {
    if (!has_palette) settings.palette.clear();
    Painted first, second;
    paint(settings, two_people(), first);
    paint(settings, turned, second);
    for (int plane = 0; plane < 3; ++plane) {
      EXPECT_EQ(first.frame.bytes[plane], second.frame.bytes[plane]);
    }
  }
}

TEST(FigurePainter, ATrailLiesBehindThePresentBody) {
  RangePoses before;
  for (std::uint32_t i = 0; i < 6; ++i) {
    before.push_back({i, {person_at(-1.2f + 0.1f * static_cast<float>(i), 1)}});
  }
  const FramePoses now = {6, {person_at(-0.6f, 1)}};
  DrawSettings settings;
  Painted alone, trailing;
  paint(settings, now, alone, before);
  settings.trail = 3;
  settings.trail_step = 2;
  ASSERT_EQ(trail_frames(settings), 6u);
  paint(settings, now, trailing, before);
  EXPECT_GT(changed(trailing), changed(alone) + 1000);
  // Where the present body is, nothing shines through.
  const Frame source(kWidth, kHeight, 1, 1, 11);
  const int x = kWidth / 2 - 60, y = kHeight / 2 - 25;
  ASSERT_NE(alone.frame.at(0, x, y), source.at(0, x, y));
  EXPECT_EQ(trailing.frame.at(0, x, y), alone.frame.at(0, x, y));
}

TEST(FigurePainter, WordsAreWrittenInsideTheFrame) {
  DrawSettings settings = in_style(DrawStyle::Skeleton);
  Painted plain;
  paint(settings, two_people(), plain);
  settings.labels = {"id", "left_knee", "spine"};
  settings.has_caption = true;
  Painted written;
  paint(settings, two_people(), written);
  EXPECT_GT(changed(written), changed(plain) + 2000);
  // Of somebody at the very edge too.
  Painted at_edge;
  paint(settings, {7, {person_at(-1.6f, 12), person_at(30, 13)}}, at_edge);
  EXPECT_EQ(at_edge.report.people_skipped, 0u);
}

}  // namespace
}  // namespace posefleet::tests

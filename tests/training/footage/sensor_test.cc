#include "training/footage/sensor.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

namespace posefleet::training {
namespace {

constexpr int kWidth = 50;
constexpr int kHeight = 40;

struct Canvas {
  std::vector<std::uint8_t> rgb = std::vector<std::uint8_t>(3 * kWidth * kHeight);
  Picture picture() { return {rgb.data(), kWidth, kHeight}; }
};

Canvas grey(std::uint8_t value) {
  Canvas canvas;
  std::fill(canvas.rgb.begin(), canvas.rgb.end(), value);
  return canvas;
}

Canvas checkered() {
  Canvas canvas;
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      const std::uint8_t value = (x / 5 + y / 5) % 2 == 0 ? 200 : 60;
      std::fill_n(canvas.picture().at(x, y), 3, value);
    }
  }
  return canvas;
}

// Mean of the absolute steps between neighbours in a row: how sharp a picture is.
double sharpness(const Canvas& canvas) {
  double sum = 0;
  for (std::size_t i = 3; i < canvas.rgb.size(); ++i) {
    sum += std::abs(canvas.rgb[i] - canvas.rgb[i - 3]);
  }
  return sum / static_cast<double>(canvas.rgb.size());
}

TEST(Sensor, LeavesAPictureAloneThatNothingSpoils) {
  Canvas canvas = checkered();
  Sensor().apply(canvas.picture(), {}, 1);
  EXPECT_EQ(canvas.rgb, checkered().rgb);
}

TEST(Sensor, KeepsAPlainPicturePlain) {
  const std::vector<std::pair<const char*, Spoil>> cases = {
      {"shrunk", {.small_share = 0.4f}},
      {"blurred", {.blur = 3}},
      {"moved", {.motion = 9, .motion_turn = 30}},
      {"in blocks", {.blocks = 3}}};
  for (const auto& [name, spoil] : cases) {
    SCOPED_TRACE(name);
    Canvas canvas = grey(120);
    Sensor().apply(canvas.picture(), spoil, 1);
    for (const std::uint8_t value : canvas.rgb) ASSERT_NEAR(value, 120, 2);
  }
}

TEST(Sensor, SoftensWhatItShrinksBlursOrMoves) {
  const std::vector<std::pair<const char*, Spoil>> cases = {
      {"shrunk", {.small_share = 0.3f}}, {"blurred", {.blur = 2}}, {"moved", {.motion = 8}}};
  for (const auto& [name, spoil] : cases) {
    SCOPED_TRACE(name);
    Canvas canvas = checkered();
    Sensor().apply(canvas.picture(), spoil, 1);
    EXPECT_LT(sharpness(canvas), 0.8 * sharpness(checkered()));
    // Its mean stays: nothing gets lost beyond the edges.
    const auto mean = [](const Canvas& c) {
      return std::accumulate(c.rgb.begin(), c.rgb.end(), 0.0) / static_cast<double>(c.rgb.size());
    };
    EXPECT_NEAR(mean(canvas), mean(checkered()), 4);
  }
}

TEST(Sensor, AddsNoiseOfTheDeviationAskedFor) {
  Canvas canvas = grey(128);
  Sensor().apply(canvas.picture(), {.noise = 6}, 4);
  double sum = 0, squares = 0;
  for (const std::uint8_t value : canvas.rgb) {
    sum += value - 128.0;
    squares += (value - 128.0) * (value - 128.0);
  }
  const double count = static_cast<double>(canvas.rgb.size());
  EXPECT_NEAR(sum / count, 0, 1.5);
  EXPECT_NEAR(std::sqrt(squares / count), 6, 1.2);
  Canvas again = grey(128), other = grey(128);
  Sensor().apply(again.picture(), {.noise = 6}, 4);
  Sensor().apply(other.picture(), {.noise = 6}, 5);
  EXPECT_EQ(canvas.rgb, again.rgb);
  EXPECT_NE(canvas.rgb, other.rgb);
}

}  // namespace
}  // namespace posefleet::training

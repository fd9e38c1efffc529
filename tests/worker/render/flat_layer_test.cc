// Flat shapes over frames.
#include "worker/render/flat_layer.h"

#include <cmath>

#include <gtest/gtest.h>

#include "tests/worker/render/pictures.h"

namespace posefleet::tests {
namespace {

constexpr FlatColour kWhite = {1, 1, 1, 1};

// Light that the layer put on a black picture, in pixels.
double covered(const Picture& picture) {
  double sum = 0;
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) sum += picture.green(x, y) / 255.0;
  }
  return sum;
}

TEST(FlatLayer, CoversAsMuchAsAShapesArea) {
  struct Case {
    const char* what;
    void (*add)(FlatLayer&);
    double area;
  };
  constexpr double kPi = 3.14159265358979;
  for (const Case& one : {Case{"box",
                               [](FlatLayer& l) {
                                 l.add_box({10.25f, 20.5f}, {40.75f, 60}, kWhite);
                               },
                               30.5 * 39.5},
                          Case{"disc",
                               [](FlatLayer& l) {
                                 l.add_disc({50.3f, 50.8f}, 20, kWhite);
                               },
                               kPi * 400},
                          Case{"line",
                               [](FlatLayer& l) {
                                 l.add_line({10, 12}, {80, 63}, 5, kWhite);
                               },
                               5 * std::hypot(70, 51) + kPi * 6.25},
                          Case{"thin",
                               [](FlatLayer& l) {
                                 l.add_line({10, 12}, {80, 63}, 0.5f, kWhite);
                               },
                               0.5 * std::hypot(70, 51)}}) {
    Picture picture(100, 100);
    FlatLayer layer;
    one.add(layer);
    ASSERT_TRUE(layer.draw(picture.view()));
    EXPECT_NEAR(covered(picture), one.area, 0.02 * one.area) << one.what;
  }
}

TEST(FlatLayer, LaterShapesLieOverEarlierOnes) {
  Picture picture(40, 40);
  FlatLayer layer;
  layer.add_box({0, 0}, {40, 40}, {1, 0, 0, 1});
  layer.add_box({10, 10}, {30, 30}, {0, 0, 1, 0.5f});
  ASSERT_TRUE(layer.draw(picture.view()));
  EXPECT_EQ(picture.red(5, 5), 255);
  EXPECT_NEAR(picture.red(20, 20), 128, 1);
  EXPECT_NEAR(picture.blue(20, 20), 128, 1);
  layer.clear();
  EXPECT_TRUE(layer.is_empty());
}

TEST(FlatLayer, LeavesUntouchedSamplesAsTheyAre) {
  for (const int shift : {0, 1}) {
    Frame frame(67, 53, shift, shift, 5);
    const Frame before(67, 53, shift, shift, 5);
    FlatLayer layer;
    layer.add_line({20, 20}, {30, 33}, 3, kWhite);
    ASSERT_TRUE(layer.draw(frame.planes));
    int changed = 0;
    for (int plane = 0; plane < 3; ++plane) {
      for (std::size_t i = 0; i < frame.bytes[plane].size(); ++i) {
        const auto stride = static_cast<std::size_t>(frame.planes.stride[plane]);
        const int scale = plane == 0 ? 1 : 1 << shift;
        const int x = static_cast<int>(i % stride) * scale,
                  y = static_cast<int>(i / stride) * scale;
        const bool is_near = x >= 16 && x <= 34 && y >= 16 && y <= 37;
        const bool is_same = frame.bytes[plane][i] == before.bytes[plane][i];
        ASSERT_TRUE(is_same || is_near) << "plane " << plane << " at " << x << ", " << y;
        changed += is_same ? 0 : 1;
      }
    }
    EXPECT_GT(changed, 40);
  }
}

TEST(FlatLayer, LeavesOutShapesWithoutSense) {
  Picture picture(40, 40);
  FlatLayer layer;
  layer.add_line({NAN, 3}, {20, 20}, 3, kWhite);
  layer.add_line({3, 3}, {2e6f, 20}, 3, kWhite);
  layer.add_line({3, 3}, {20, 20}, NAN, kWhite);
  layer.add_disc({3, 3}, -1, kWhite);
  layer.add_box({20, 20}, {10, 30}, kWhite);
  layer.add_disc({3, 3}, 5, {2, 0, 0, 1});
  const std::vector<std::uint8_t> mask(10);
  layer.add_mask({mask, 4, 4}, 2, 2, kWhite);
  EXPECT_TRUE(layer.is_empty());
  // Beyond the frame's edges is fine.
  layer.add_line({-500000, -400000}, {700000, 300000}, 9, kWhite);
  layer.add_box({-10, -10}, {100000, 5}, kWhite);
  const std::vector<std::uint8_t> full(16, 255);
  layer.add_mask({full, 4, 4}, -2, 38, kWhite);
  ASSERT_TRUE(layer.draw(picture.view()));
  EXPECT_EQ(picture.green(39, 4), 255);
  EXPECT_EQ(picture.green(1, 39), 255);
  EXPECT_EQ(picture.green(2, 39), 0);
}

TEST(FlatLayer, SeveralLayersOfAnOverlayAddUpToOne) {
  const auto draw = [](bool at_once) {
    std::vector<std::uint16_t> samples(4 * 32 * 32);
    const RgbaPlane plane = {samples.data(), 4 * 32, 32, 32};
    FlatLayer layer;
    layer.add_box({4, 4}, {28, 28}, {1, 0.25f, 0, 0.5f});
    if (!at_once) {
      EXPECT_TRUE(layer.draw(plane));
      layer.clear();
    }
    layer.add_disc({16, 16}, 9, {0, 0.75f, 1, 0.6f});
    EXPECT_TRUE(layer.draw(plane));
    return samples;
  };
  const std::vector<std::uint16_t> once = draw(true), twice = draw(false);
  EXPECT_NEAR(once[4 * (16 * 32 + 16) + 3], 0.8 * 65535, 2);
  for (std::size_t i = 0; i < once.size(); ++i) ASSERT_NEAR(once[i], twice[i], 3) << i;
}

}  // namespace
}  // namespace posefleet::tests

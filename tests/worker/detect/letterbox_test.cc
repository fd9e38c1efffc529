#include "worker/detect/letterbox.h"

#include <cmath>

#include <gtest/gtest.h>

#include "common/base/random.h"

namespace posefleet::tests {
namespace {

struct Picture {
  int width, height;
  std::vector<std::uint8_t> bgr;

  BgrView view() const { return {bgr.data(), width, height, std::ptrdiff_t{3} * width}; }
};

Picture noise(int width, int height) {
  Picture picture{width, height, {}};
  Random random(static_cast<std::uint64_t>(width * 1000 + height));
  for (int i = 0; i < width * height * 3; ++i) {
    picture.bgr.push_back(static_cast<std::uint8_t>(random.next() & 255));
  }
  return picture;
}

TEST(Letterbox, RoundsSizesAndBordersAsTheExportersDo) {
  // Worked out by hand from the rule: r = min(S/h, S/w), round(w r), round(d/2 - 0.1).
  const struct {
    int width, height, side;
    int new_width, new_height, left, top;
  } cases[] = {
      {1920, 1080, 640, 640, 360, 0, 140},  // d = 280
      {1280, 720, 1280, 1280, 720, 0, 280},
      {720, 1280, 640, 360, 640, 140, 0},
      {640, 640, 640, 640, 640, 0, 0},
      {640, 427, 640, 640, 427, 0, 106},  // d = 213: 106 above, 107 below
      {427, 640, 640, 427, 640, 106, 0},
      {1000, 333, 640, 640, 213, 0, 213},  // 213.12; d = 427: round(213.4)
      {320, 180, 320, 320, 180, 0, 70},
      {50, 30, 640, 640, 384, 0, 128},  // enlarged as well
      {4000, 1, 640, 640, 1, 0, 319},   // 0.16 rows are one; d = 639: round(319.4)
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::to_string(c.width) + "x" + std::to_string(c.height));
    const InputGeometry g = input_geometry(c.width, c.height, c.side, DetectorResize::Letterbox);
    EXPECT_EQ(g.width, c.new_width);
    EXPECT_EQ(g.height, c.new_height);
    EXPECT_EQ(g.left, c.left);
    EXPECT_EQ(g.top, c.top);
  }
}

TEST(Letterbox, BringsBoxesBackToWhereTheyWere) {
  for (const DetectorResize resize : kDetectorResizes) {
    for (const auto& [width, height] : {std::pair(1920, 1080), {640, 427}, {333, 1000}, {64, 48}}) {
      SCOPED_TRACE(std::to_string(width) + "x" + std::to_string(height));
      const InputGeometry g = input_geometry(width, height, 640, resize);
      const auto w = static_cast<float>(width);
      const auto h = static_cast<float>(height);
      const std::array<float, 4> box = {0.125f * w, 0.25f * h, 0.5f * w, 0.875f * h};
      std::array<float, 4> in_input{};
      for (std::size_t i = 0; i < 4; ++i) {
        in_input[i] = static_cast<float>(i % 2 == 0 ? box[i] * g.scale_x + g.left
                                                    : box[i] * g.scale_y + g.top);
      }
      const auto back = to_frame(in_input, g, width, height);
      for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(back[i], box[i], 1e-3f * w / 64);
    }
  }
}

TEST(Letterbox, CutsBoxesAtTheFramesEdges) {
  const InputGeometry g = input_geometry(100, 50, 200, DetectorResize::Letterbox);
  EXPECT_EQ(to_frame({-40, -10, 500, 190}, g, 100, 50), (std::array<float, 4>{0, 0, 100, 50}));
}

TEST(Letterbox, KeepsAPictureOfTheSameSize) {
  const Picture picture = noise(37, 21);
  EXPECT_EQ(resized(picture.view(), 37, 21), picture.bgr);
}

TEST(Letterbox, AveragesFourPixelsWhenHalving) {
  const Picture picture = noise(16, 8);
  const auto half = resized(picture.view(), 8, 4);
  for (std::size_t y = 0; y < 4; ++y) {
    for (std::size_t i = 0; i < 24; ++i) {
      const std::size_t x = i / 3 * 6 + i % 3;
      const std::size_t at = 2 * y * 48 + x;
      const int sum =
          picture.bgr[at] + picture.bgr[at + 3] + picture.bgr[at + 48] + picture.bgr[at + 51];
      EXPECT_EQ(half[y * 24 + i], (sum + 2) / 4);
    }
  }
}

// Bilinear in double, pixel centres at halves.
double sample(const Picture& picture, double x, double y, int channel) {
  const auto at = [&](int column, int row) {
    column = std::clamp(column, 0, picture.width - 1);
    row = std::clamp(row, 0, picture.height - 1);
    return static_cast<double>(
        picture.bgr[static_cast<std::size_t>((row * picture.width + column) * 3 + channel)]);
  };
  const int x0 = static_cast<int>(std::floor(x));
  const int y0 = static_cast<int>(std::floor(y));
  const double fx = x - x0;
  const double fy = y - y0;
  return (at(x0, y0) * (1 - fx) + at(x0 + 1, y0) * fx) * (1 - fy) +
         (at(x0, y0 + 1) * (1 - fx) + at(x0 + 1, y0 + 1) * fx) * fy;
}

TEST(Letterbox, ResizesBilinearlyToWithinAGreyLevel) {
  for (const auto& [from, to] : {std::pair(std::pair(40, 30), std::pair(17, 13)),
                                 {{9, 7}, {64, 50}},
                                 {{1, 1}, {5, 3}},
                                 {{30, 1}, {11, 4}}}) {
    SCOPED_TRACE(std::to_string(from.first) + " to " + std::to_string(to.first));
    const Picture picture = noise(from.first, from.second);
    const auto small = resized(picture.view(), to.first, to.second);
    std::size_t next = 0;
    for (int y = 0; y < to.second; ++y) {
      for (int x = 0; x < to.first; ++x) {
        for (int channel = 0; channel < 3; ++channel) {
          const double expected = sample(picture, (x + 0.5) * from.first / to.first - 0.5,
                                         (y + 0.5) * from.second / to.second - 0.5, channel);
          ASSERT_NEAR(small[next++], expected, 1.01);
        }
      }
    }
  }
}

TEST(Letterbox, WritesRedFirstBetweenGreyBorders) {
  Picture picture{4, 2, {}};
  for (int i = 0; i < 8; ++i) picture.bgr.insert(picture.bgr.end(), {255, 51, 0});
  DetectorTraits traits;
  traits.mean = {0.5f, 0, 0};
  traits.deviation = {0.25f, 1, 1};
  const InputGeometry geometry = input_geometry(4, 2, 4, DetectorResize::Letterbox);
  std::vector<float> input(48);
  make_input(picture.view(), geometry, traits, input);
  const float grey = 114.0f / 255.0f;
  for (std::size_t i = 0; i < 16; ++i) {
    const bool is_border = i / 4 == 0 || i / 4 == 3;
    EXPECT_FLOAT_EQ(input[i], ((is_border ? grey : 0.0f) - 0.5f) / 0.25f);
    EXPECT_FLOAT_EQ(input[16 + i], is_border ? grey : 0.2f);
    EXPECT_FLOAT_EQ(input[32 + i], is_border ? grey : 1.0f);
  }
}

}  // namespace
}  // namespace posefleet::tests

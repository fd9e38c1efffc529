// Drawing on samples of more than 8 bits, and on nothing at all.
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/mannequin.h"
#include "tests/worker/render/pictures.h"
#include "worker/render/rasteriser.h"

namespace posefleet {
namespace {

using tests::Frame;
using tests::Picture;
using tests::rasteriser;

constexpr float kFocalLength = 1500;
constexpr int kWidth = 98, kHeight = 82;

struct Body {
  tests::Mannequin mannequin = tests::make_mannequin();
  MeshTopology topology = MeshTopology::create(mannequin.faces, mannequin.vertex_count()).value();
  std::vector<float> vertices = tests::placed(
      mannequin, {.x = 0.1, .z = kFocalLength * 1.72 / (0.75 * kHeight), .yaw = 0.4, .roll = 0.2});
  Mesh mesh(float opacity = 1) const { return {&topology, vertices, person_colour(1), opacity}; }
};

// The same picture as an 8-bit frame, with more bits.
struct DeepFrame {
  std::vector<std::uint16_t> samples[3];
  YuvPlanes planes;

  DeepFrame(const Frame& from, int depth) : planes(from.planes) {
    planes.depth = depth;
    for (int i = 0; i < 3; ++i) {
      for (const std::uint8_t byte : from.bytes[i]) {
        samples[i].push_back(static_cast<std::uint16_t>(byte << (depth - 8)));
      }
      planes.data[i] = reinterpret_cast<std::uint8_t*>(samples[i].data());
      planes.stride[i] = 2 * from.planes.stride[i];
    }
  }
  DeepFrame(const DeepFrame&) = delete;
};

// Whether a body lies on one of the pixels that a sample takes from.
bool is_touched(const std::vector<std::uint8_t>& coverage, const YuvPlanes& planes, int plane,
                int column, int row) {
  const int shift_x = plane == 0 ? 0 : planes.chroma_shift_x;
  const int shift_y = plane == 0 ? 0 : planes.chroma_shift_y;
  for (int y = row << shift_y; y < (row + 1) << shift_y && y < kHeight; ++y) {
    for (int x = (column << shift_x) - shift_x; x <= (column << shift_x) + shift_x; ++x) {
      if (x < 0 || x >= kWidth) continue;
      if (coverage[static_cast<std::size_t>(y) * kWidth + static_cast<std::size_t>(x)] != 0) {
        return true;
      }
    }
  }
  return false;
}

TEST(DeepPlanes, ShowTheSamePictureAsEightBitsAndLeaveTheRestAlone) {
  const Body body;
  std::vector<std::uint8_t> coverage(static_cast<std::size_t>(kWidth) * kHeight);
  Picture silhouette(kWidth, kHeight);
  BgrPicture view = silhouette.view();
  view.coverage = coverage.data();
  ASSERT_TRUE(rasteriser().draw({{body.mesh()}}, {kFocalLength}, view));
  const struct { int shift_x, shift_y; } layouts[] = {{1, 1}, {1, 0}, {0, 0}};
  for (const int depth : {9, 10, 12, 16}) {
    for (const auto& layout : layouts) {
      for (const ColourRange range : {ColourRange::Limited, ColourRange::Full}) {
        SCOPED_TRACE(testing::Message() << depth << " bits, chroma " << layout.shift_x
                                        << layout.shift_y << ", range " << static_cast<int>(range));
        Frame shallow(kWidth, kHeight, layout.shift_x, layout.shift_y, 3);
        shallow.planes.range = range;
        DeepFrame deep(shallow, depth);
        const DeepFrame before(shallow, depth);
        ASSERT_TRUE(rasteriser().draw({{body.mesh()}}, {kFocalLength}, shallow.planes));
        ASSERT_TRUE(rasteriser().draw({{body.mesh()}}, {kFocalLength}, deep.planes));
        int touched = 0;
        for (int plane = 0; plane < 3; ++plane) {
          const int columns = plane == 0 ? kWidth : deep.planes.chroma_width();
          const int row_length = static_cast<int>(deep.planes.stride[plane] / 2);
          for (std::size_t i = 0; i < deep.samples[plane].size(); ++i) {
            const int column = static_cast<int>(i) % row_length;
            const int row = static_cast<int>(i) / row_length;
            const bool is_inside = column < columns;
            if (!is_inside || !is_touched(coverage, deep.planes, plane, column, row)) {
              ASSERT_EQ(deep.samples[plane][i], before.samples[plane][i]) << plane << ":" << i;
              continue;
            }
            ++touched;
            // Half a step of rounding in 8 bits; full range also ends at 1023, not 4 x 255.
            const double unit = 1 << (depth - 8);
            ASSERT_NEAR(deep.samples[plane][i], shallow.bytes[plane][i] * unit, 1.6 * unit)
                << plane << ":" << column << "," << row;
          }
        }
        EXPECT_GT(touched, 500);
      }
    }
  }
}

TEST(DeepPlanes, HaveTheSameBytesOnEveryPath) {
  if (!Rasteriser::create({.path = CpuPath::Avx2})) GTEST_SKIP() << "no AVX2 on this machine";
  const Body body;
  const Frame shallow(kWidth, kHeight, 1, 1, 5);
  DeepFrame one(shallow, 10), other(shallow, 10);
  ASSERT_TRUE(rasteriser(4, CpuPath::Avx2).draw({{body.mesh(0.7f)}}, {kFocalLength}, one.planes));
  ASSERT_TRUE(
      rasteriser(4, CpuPath::Portable).draw({{body.mesh(0.7f)}}, {kFocalLength}, other.planes));
  for (int plane = 0; plane < 3; ++plane) EXPECT_EQ(one.samples[plane], other.samples[plane]);
}

TEST(DeepPlanes, AreRefusedWithADepthThatDoesNotExist) {
  Frame frame(kWidth, kHeight, 1, 1, 5);
  for (const int depth : {0, 7, 17}) {
    frame.planes.depth = depth;
    const auto report = rasteriser().draw({}, {kFocalLength}, frame.planes);
    ASSERT_FALSE(report);
    EXPECT_NE(report.error().message.find("bits, allowed 8 to 16"), std::string::npos);
  }
}

TEST(Overlay, LaidOverAFrameIsWhatDrawingOnItGives) {
  const Body body;
  for (const float opacity : {1.f, 0.6f}) {
    for (const std::uint8_t ground : {0, 90, 255}) {
      SCOPED_TRACE(testing::Message() << opacity << " over " << static_cast<int>(ground));
      std::vector<std::uint16_t> pixels(4 * static_cast<std::size_t>(kWidth) * kHeight);
      const RgbaPlane overlay{pixels.data(), 4 * kWidth, kWidth, kHeight};
      ASSERT_TRUE(rasteriser().draw({{body.mesh(opacity)}}, {kFocalLength}, overlay));
      Picture drawn(kWidth, kHeight, ground);
      ASSERT_TRUE(rasteriser().draw({{body.mesh(opacity)}}, {kFocalLength}, drawn.view()));
      int half_covered = 0;
      for (int y = 0; y < kHeight; ++y) {
        for (int x = 0; x < kWidth; ++x) {
          const std::uint16_t* pixel = &pixels[4 * (static_cast<std::size_t>(y) * kWidth + x)];
          const double alpha = pixel[3] / 65535.0;
          if (alpha > 0.1 && alpha < 0.5) ++half_covered;
          for (int k = 0; k < 3; ++k) {
            const double mixed = alpha * pixel[k] / 257.0 + (1 - alpha) * ground;
            ASSERT_NEAR(drawn.at(x, y)[2 - k], mixed, 0.6) << x << "," << y;
          }
        }
      }
      EXPECT_GT(half_covered, 20);
    }
  }
}

}  // namespace
}  // namespace posefleet

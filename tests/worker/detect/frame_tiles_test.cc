#include "worker/detect/frame_tiles.h"

#include <gtest/gtest.h>

namespace posefleet::tests {
namespace {

TEST(FrameTiles, AreTheWholeFrameWhenNoneAreWanted) {
  const std::vector<FrameTile> whole = {{0, 0, 1920, 1080}};
  EXPECT_EQ(frame_tiles(1920, 1080, 1), whole);
  EXPECT_EQ(frame_tiles(1920, 1080, 0), whole);
}

TEST(FrameTiles, CoverEveryPixelAndShareTheirEdges) {
  for (const auto& [width, height] :
       {std::pair(1920, 1080), {1080, 1920}, {640, 640}, {3840, 400}, {33, 7}}) {
    for (std::uint32_t tiles = 2; tiles <= 8; ++tiles) {
      SCOPED_TRACE(std::to_string(width) + "x" + std::to_string(height) + " in " +
                   std::to_string(tiles));
      const auto all = frame_tiles(width, height, tiles);
      ASSERT_GT(all.size(), static_cast<std::size_t>(tiles));
      EXPECT_EQ(all.front(), (FrameTile{0, 0, width, height}));
      std::vector<int> seen(static_cast<std::size_t>(width * height));
      for (std::size_t i = 1; i < all.size(); ++i) {
        const FrameTile& tile = all[i];
        ASSERT_GE(tile.x, 0);
        ASSERT_GE(tile.y, 0);
        ASSERT_LE(tile.x + tile.width, width);
        ASSERT_LE(tile.y + tile.height, height);
        for (int y = tile.y; y < tile.y + tile.height; ++y) {
          for (int x = tile.x; x < tile.x + tile.width; ++x) {
            ++seen[static_cast<std::size_t>(y * width + x)];
          }
        }
      }
      int once = 0;
      for (const int count : seen) {
        ASSERT_GT(count, 0);
        once += count == 1 ? 1 : 0;
      }
      EXPECT_LT(once, width * height);  // somebody on a seam is seen twice
    }
  }
}

TEST(FrameTiles, AreNearlySquare) {
  // 1920 / (3 - 2 * 0.25) = 768 wide; two rows of it cover 1080.
  EXPECT_EQ(frame_tiles(1920, 1080, 3), (std::vector<FrameTile>{{0, 0, 1920, 1080},
                                                                {0, 0, 768, 768},
                                                                {576, 0, 768, 768},
                                                                {1152, 0, 768, 768},
                                                                {0, 312, 768, 768},
                                                                {576, 312, 768, 768},
                                                                {1152, 312, 768, 768}}));
}

TEST(FrameTiles, CutBoxesAtInnerEdgesOnly) {
  const FrameTile left{0, 0, 60, 50};
  const FrameTile right{40, 0, 60, 50};
  const struct {
    const char* name;
    std::array<float, 4> box;
    FrameTile tile;
    bool is_cut;
  } cases[] = {
      {"in the middle", {10, 10, 50, 40}, left, false},
      {"at the frame's own edge", {0, 0, 50, 50}, left, false},
      {"at the right seam", {10, 10, 59, 40}, left, true},
      {"at the left seam", {41, 10, 90, 40}, right, true},
      {"at the frame's right edge", {60, 10, 100, 40}, right, false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(is_cut(c.box, c.tile, 100, 50, 2), c.is_cut);
  }
}

}  // namespace
}  // namespace posefleet::tests

// Cuts a frame into overlapping, nearly square tiles, so that people of thirty pixels are large
// enough for a detector that sees the whole frame as 640.
//
// Pure.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace posefleet {

// Frame pixels.
struct FrameTile {
  int x = 0, y = 0;
  int width = 0, height = 0;

  bool operator==(const FrameTile&) const = default;
};

// The whole frame first: people larger than a tile are found there. With `tiles` above 1, so many
// more along the longer side, as many as the shape asks along the other.
std::vector<FrameTile> frame_tiles(int frame_width, int frame_height, std::uint32_t tiles);

// Whether a box (frame pixels) ends within `margin` pixels of an edge of the tile that is none of
// the frame's: somebody may go on beyond it.
bool is_cut(const std::array<float, 4>& box, const FrameTile& tile, int frame_width,
            int frame_height, float margin);

}  // namespace posefleet

#include "worker/detect/frame_tiles.h"

#include <algorithm>
#include <cmath>

#include "common/base/check.h"

namespace posefleet {
namespace {

// The share of a tile that its neighbour sees too. Who is smaller than it is whole in one of them;
// who is larger is large enough to be found in the coarser view.
constexpr double kOverlap = 0.25;

// Starts of `count` tiles of `size` that reach from 0 to `length`.
std::vector<int> starts(int length, int size, int count) {
  std::vector<int> result;
  for (int i = 0; i < count; ++i) {
    result.push_back(count == 1 ? 0 : (length - size) * i / (count - 1));
  }
  return result;
}

}  // namespace

std::vector<FrameTile> frame_tiles(int frame_width, int frame_height, std::uint32_t tiles) {
  POSEFLEET_CHECK(frame_width >= 1 && frame_height >= 1);
  std::vector<FrameTile> result = {{0, 0, frame_width, frame_height}};
  const int longer = std::max(frame_width, frame_height);
  if (tiles <= 1 || longer < static_cast<int>(tiles)) return result;
  // n tiles with their overlaps make the side: n t - (n - 1) o t = length.
  const auto count = static_cast<double>(tiles);
  const int size = static_cast<int>(std::ceil(longer / (count - (count - 1) * kOverlap)));
  const auto count_along = [&](int length) {
    if (length <= size) return 1;
    return static_cast<int>(
        std::ceil((static_cast<double>(length) / size - kOverlap) / (1 - kOverlap) - 1e-9));
  };
  const int width = std::min(size, frame_width);
  const int height = std::min(size, frame_height);
  for (const int y : starts(frame_height, height, count_along(frame_height))) {
    for (const int x : starts(frame_width, width, count_along(frame_width))) {
      result.push_back({x, y, width, height});
    }
  }
  return result;
}

bool is_cut(const std::array<float, 4>& box, const FrameTile& tile, int frame_width,
            int frame_height, float margin) {
  const auto left = static_cast<float>(tile.x);
  const auto top = static_cast<float>(tile.y);
  const auto right = static_cast<float>(tile.x + tile.width);
  const auto bottom = static_cast<float>(tile.y + tile.height);
  return (tile.x > 0 && box[0] <= left + margin) || (tile.y > 0 && box[1] <= top + margin) ||
         (tile.x + tile.width < frame_width && box[2] >= right - margin) ||
         (tile.y + tile.height < frame_height && box[3] >= bottom - margin);
}

}  // namespace posefleet

#include "tests/training/detector/shapes.h"

#include <algorithm>

#include "common/base/random.h"

namespace posefleet::tests {
namespace {

struct Colour {
  std::uint8_t red = 0, green = 0, blue = 0;
};

void fill(std::span<std::uint8_t> rgb, int width, const std::array<int, 4>& box, Colour colour) {
  for (int y = box[1]; y < box[3]; ++y) {
    for (int x = box[0]; x < box[2]; ++x) {
      const std::size_t at = 3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                                  static_cast<std::size_t>(x));
      rgb[at] = colour.red;
      rgb[at + 1] = colour.green;
      rgb[at + 2] = colour.blue;
    }
  }
}

}  // namespace

std::vector<training::detect::DrawnPerson> draw_shapes(std::uint64_t seed, std::uint64_t index,
                                                       int width, int height,
                                                       std::span<std::uint8_t> rgb) {
  Random random(seed ^ Random(index).next());
  const auto somewhere = [&](int room) {
    return static_cast<int>(random.below(static_cast<std::uint64_t>(std::max(1, room))));
  };
  fill(rgb, width, {0, 0, width, height}, {90, 120, 90});
  // Clutter is grey and wide.
  for (int i = 0; i < 6; ++i) {
    const int x = somewhere(width * 3 / 4);
    const int y = somewhere(height * 7 / 8);
    const auto grey = static_cast<std::uint8_t>(60 + somewhere(120));
    fill(rgb, width, {x, y, x + width / 4, y + height / 8}, {grey, grey, grey});
  }
  std::vector<training::detect::DrawnPerson> people;
  const int count = random.chance(0.125) ? 0 : 1 + somewhere(3);
  for (int i = 0; i < count; ++i) {
    const int high = height / 5 + somewhere(height / 2);
    const int wide = std::min(high / 2, width);
    const int x = somewhere(width - wide + 1);
    const int y = somewhere(height - high + 1);
    fill(rgb, width, {x, y, x + wide, y + high}, {230, 60, 40});
    fill(rgb, width, {x + wide / 4, y, x + wide - wide / 4, y + high / 4}, {240, 220, 60});
    people.push_back({{static_cast<float>(x), static_cast<float>(y), static_cast<float>(x + wide),
                       static_cast<float>(y + high)},
                      1});
  }
  return people;
}

}  // namespace posefleet::tests

#include "training/footage/textures.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "common/base/random.h"

namespace posefleet::training {
namespace {

constexpr int kSide = Texture::kSide;
constexpr std::size_t kTexels = std::size_t{kSide} * kSide;
using Field = std::vector<float>;  // kTexels numbers, about 0..1

// Random numbers on a grid of cells, smoothly joined; wraps around.
Field smooth_noise(Random& random, int cells_x, int cells_y) {
  Field lattice(static_cast<std::size_t>(cells_x * cells_y));
  for (float& value : lattice) value = static_cast<float>(random.unit());
  Field field(kTexels);
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const float u = static_cast<float>(x * cells_x) / kSide;
      const float v = static_cast<float>(y * cells_y) / kSide;
      const int i = static_cast<int>(u), j = static_cast<int>(v);
      const auto ease = [](float t) { return t * t * (3 - 2 * t); };
      const float s = ease(u - static_cast<float>(i)), t = ease(v - static_cast<float>(j));
      const auto at = [&](int a, int b) {
        return lattice[static_cast<std::size_t>((b % cells_y) * cells_x + a % cells_x)];
      };
      const float upper = at(i, j) + s * (at(i + 1, j) - at(i, j));
      const float lower = at(i, j + 1) + s * (at(i + 1, j + 1) - at(i, j + 1));
      field[static_cast<std::size_t>(y * kSide + x)] = upper + t * (lower - upper);
    }
  }
  return field;
}

// Coarse noise plus finer and fainter ones.
Field octaves(Random& random, int cells_x, int cells_y, int count, float fading) {
  Field sum(kTexels, 0.0f);
  float weight = 1, total = 0;
  for (int i = 0; i < count; ++i) {
    const Field noise =
        smooth_noise(random, std::min(cells_x << i, kSide), std::min(cells_y << i, kSide));
    for (std::size_t k = 0; k < kTexels; ++k) sum[k] += weight * noise[k];
    total += weight;
    weight *= fading;
  }
  for (float& value : sum) value /= total;
  return sum;
}

// Stretched such that nearly all of 0..255 is used.
Texture texture_of(const Field& field) {
  std::vector<float> sorted = field;
  std::sort(sorted.begin(), sorted.end());
  const float low = sorted[kTexels / 50], high = sorted[kTexels - kTexels / 50 - 1];
  std::vector<std::uint8_t> grey(kTexels);
  for (std::size_t k = 0; k < kTexels; ++k) {
    const float t = std::clamp((field[k] - low) / (high - low + 1e-6f), 0.0f, 1.0f);
    grey[k] = static_cast<std::uint8_t>(255 * t + 0.5f);
  }
  return Texture(std::move(grey));
}

// Rows of rectangles with dark joints; every second row shifted.
Field tiles(Random& random, int wide, int high, const Field& noise) {
  Field field(kTexels);
  std::vector<float> shades(kTexels);
  for (float& shade : shades) shade = static_cast<float>(random.unit());
  for (int y = 0; y < kSide; ++y) {
    const int row = y / high;
    for (int x = 0; x < kSide; ++x) {
      const int shifted = (x + (row % 2) * wide / 2) % kSide;
      const bool is_joint = y % high < 2 || shifted % wide < 2;
      const float shade = shades[static_cast<std::size_t>(row * kSide + shifted / wide)];
      const auto at = static_cast<std::size_t>(y * kSide + x);
      field[at] = is_joint ? 0 : 0.45f + 0.35f * shade + 0.2f * noise[at];
    }
  }
  return field;
}

}  // namespace

Textures Textures::make() {
  Random random(20);
  std::vector<Texture> made;
  made.push_back(texture_of(octaves(random, 4, 4, 6, 0.6f)));  // clouds
  const Field grain = octaves(random, 64, 64, 3, 0.9f);
  made.push_back(texture_of(grain));
  Field leaves = octaves(random, 16, 16, 5, 0.85f);
  for (float& value : leaves) value = std::fabs(value - 0.5f);
  made.push_back(texture_of(leaves));
  made.push_back(texture_of(octaves(random, 4, 48, 3, 0.7f)));  // streaks
  made.push_back(texture_of(tiles(random, 128, 32, octaves(random, 4, 64, 2, 0.7f))));
  made.push_back(texture_of(tiles(random, 32, 16, grain)));
  Field blobs = octaves(random, 10, 10, 2, 0.5f);
  for (float& value : blobs) value = value > 0.5f ? 1 : 0.25f * value;
  made.push_back(texture_of(blobs));
  Field weave(kTexels);
  for (std::size_t k = 0; k < kTexels; ++k) {
    const bool is_line = k % 16 < 2 || (k / kSide) % 16 < 2;
    weave[k] = is_line ? 1 : 0.2f * grain[k];
  }
  made.push_back(texture_of(weave));
  return Textures(std::move(made));
}

}  // namespace posefleet::training

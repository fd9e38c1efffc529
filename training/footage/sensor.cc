#include "training/footage/sensor.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "training/footage/geometry.h"

namespace posefleet::training {
namespace {

std::uint8_t byte_of(float value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0.0f, 255.0f) + 0.5f);
}

void tint(const Picture& picture, const Spoil& spoil) {
  std::array<std::array<std::uint8_t, 256>, 3> table;
  for (std::size_t k = 0; k < 3; ++k) {
    for (std::size_t i = 0; i < 256; ++i) {
      const float x = std::pow(static_cast<float>(i) / 255, spoil.gamma);
      table[k][i] = byte_of(255 * (spoil.gain[k] * x + spoil.offset));
    }
  }
  std::uint8_t* byte = picture.rgb;
  for (int i = 0; i < picture.width * picture.height; ++i, byte += 3) {
    byte[0] = table[0][byte[0]];
    byte[1] = table[1][byte[1]];
    byte[2] = table[2][byte[2]];
  }
}

void add_noise(const Picture& picture, float deviation, std::uint64_t seed) {
  Random random(seed);
  // A byte of chance picks one of 256 values of a bell curve.
  std::array<std::int16_t, 256> bell;
  for (std::int16_t& value : bell) {
    value = static_cast<std::int16_t>(std::lround(deviation * random.normal()));
  }
  const auto count = static_cast<std::size_t>(3) * static_cast<std::size_t>(picture.width) *
                     static_cast<std::size_t>(picture.height);
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (i % 8 == 0) bits = random.next();
    const int value = picture.rgb[i] + bell[bits & 255];
    picture.rgb[i] = static_cast<std::uint8_t>(std::clamp(value, 0, 255));
    bits >>= 8;
  }
}

constexpr int kBlock = 8;
using Block = std::array<float, kBlock * kBlock>;

// Rows are the cosines of the transform, scaled such that its transpose undoes it.
const Block& cosines() {
  static const Block table = [] {
    Block t{};
    for (int u = 0; u < kBlock; ++u) {
      const float scale = std::sqrt((u == 0 ? 1.0f : 2.0f) / kBlock);
      for (int x = 0; x < kBlock; ++x) {
        const float turn = static_cast<float>((2 * x + 1) * u) * std::numbers::pi_v<float> / 16;
        t[static_cast<std::size_t>(u * kBlock + x)] = scale * std::cos(turn);
      }
    }
    return t;
  }();
  return table;
}

// c = a b, or a b with a transposed.
template <bool kTransposeA>
void multiply(const Block& a, const Block& b, Block& c) {
  c.fill(0);
  for (std::size_t i = 0; i < kBlock; ++i) {
    for (std::size_t k = 0; k < kBlock; ++k) {
      const float factor = kTransposeA ? a[k * kBlock + i] : a[i * kBlock + k];
      for (std::size_t j = 0; j < kBlock; ++j) c[i * kBlock + j] += factor * b[k * kBlock + j];
    }
  }
}

Block transposed(const Block& a) {
  Block b;
  for (std::size_t i = 0; i < kBlock; ++i) {
    for (std::size_t j = 0; j < kBlock; ++j) b[j * kBlock + i] = a[i * kBlock + j];
  }
  return b;
}

// Rounds the block's frequencies to steps that grow with the frequency, as codecs do.
void quantise(Block& block, const Block& steps, const Block& inverse_steps) {
  const Block& c = cosines();
  Block half, frequencies;
  multiply<false>(c, block, half);                    // columns
  multiply<false>(c, transposed(half), frequencies);  // rows; now transposed
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    frequencies[i] = std::nearbyint(frequencies[i] * inverse_steps[i]) * steps[i];
  }
  multiply<true>(c, frequencies, half);
  multiply<true>(c, transposed(half), block);
}

void quantise_plane(float* plane, int width, int height, float step) {
  Block steps, inverse;
  for (std::size_t v = 0; v < kBlock; ++v) {
    for (std::size_t u = 0; u < kBlock; ++u) {
      const float frequency = static_cast<float>(u + v);
      steps[v * kBlock + u] = step * (1 + 0.35f * frequency + 0.06f * frequency * frequency);
      inverse[v * kBlock + u] = 1 / steps[v * kBlock + u];
    }
  }
  // A rest that does not fill a block stays as it is.
  for (int y = 0; y + kBlock <= height; y += kBlock) {
    for (int x = 0; x + kBlock <= width; x += kBlock) {
      Block block;
      float* corner = plane + static_cast<std::ptrdiff_t>(y) * width + x;
      for (int row = 0; row < kBlock; ++row) {
        std::memcpy(block.data() + row * kBlock, corner + static_cast<std::ptrdiff_t>(row) * width,
                    kBlock * sizeof(float));
      }
      quantise(block, steps, inverse);
      for (int row = 0; row < kBlock; ++row) {
        std::memcpy(corner + static_cast<std::ptrdiff_t>(row) * width, block.data() + row * kBlock,
                    kBlock * sizeof(float));
      }
    }
  }
}

}  // namespace

Spoil random_spoil(Dice& dice, float strength, float small_share_min) {
  Spoil spoil;
  if (dice.chance(0.3f * strength)) spoil.small_share = dice.in(small_share_min, 0.8f);
  if (dice.chance(0.3f * strength)) spoil.blur = 1 + dice.below(2);
  if (dice.chance(0.15f * strength)) spoil.motion = 3 + dice.below(9);
  spoil.motion_turn = dice.in(0, 180);
  const float bright = 1 + dice.normal(0.12f) * strength;
  for (float& gain : spoil.gain) gain = std::max(bright + dice.normal(0.05f) * strength, 0.4f);
  spoil.gamma = std::clamp(1 + dice.normal(0.15f) * strength, 0.6f, 1.6f);
  spoil.offset = dice.normal(0.03f) * strength;
  if (dice.chance(0.6f * strength)) {
    const float x = dice.in(0, 1);
    spoil.noise = 1 + 13 * x * x * x;
  }
  if (dice.chance(0.35f * strength)) spoil.blocks = dice.in(2, 16);
  return spoil;
}

void Sensor::apply(const Picture& picture, const Spoil& spoil, std::uint64_t noise_seed) {
  if (spoil.motion > 0) move(picture, static_cast<float>(spoil.motion), spoil.motion_turn);
  if (spoil.small_share > 0) shrink_and_grow(picture, spoil.small_share);
  blur(picture, spoil.blur, scratch_);
  tint(picture, spoil);
  if (spoil.noise > 0) add_noise(picture, spoil.noise, noise_seed);
  if (spoil.blocks > 0) compress(picture, spoil.blocks);
}

void Sensor::shrink_and_grow(const Picture& picture, float small_share) {
  const int w = std::max(static_cast<int>(small_share * static_cast<float>(picture.width)), 2);
  const int h = std::max(static_cast<int>(small_share * static_cast<float>(picture.height)), 2);
  scratch_.resize(static_cast<std::size_t>(3 * w * h));
  for (int y = 0; y < h; ++y) {
    const int y0 = y * picture.height / h, y1 = std::max((y + 1) * picture.height / h, y0 + 1);
    for (int x = 0; x < w; ++x) {
      const int x0 = x * picture.width / w, x1 = std::max((x + 1) * picture.width / w, x0 + 1);
      int sum[3] = {};
      for (int v = y0; v < y1; ++v) {
        for (int u = x0; u < x1; ++u) {
          for (int k = 0; k < 3; ++k) sum[k] += picture.at(u, v)[k];
        }
      }
      const int area = (y1 - y0) * (x1 - x0);
      for (int k = 0; k < 3; ++k) {
        scratch_[static_cast<std::size_t>(3 * (y * w + x) + k)] =
            static_cast<std::uint8_t>((sum[k] + area / 2) / area);
      }
    }
  }
  // Back to size between the small picture's pixels, positions in 1/256.
  for (int y = 0; y < picture.height; ++y) {
    const int v = std::clamp((2 * y + 1) * h * 128 / picture.height - 128, 0, (h - 1) * 256 - 1);
    const std::uint8_t* upper = scratch_.data() + static_cast<std::ptrdiff_t>(v >> 8) * 3 * w;
    for (int x = 0; x < picture.width; ++x) {
      const int u = std::clamp((2 * x + 1) * w * 128 / picture.width - 128, 0, (w - 1) * 256 - 1);
      const int s = u & 255, t = v & 255;
      const std::uint8_t* p = upper + 3 * static_cast<std::ptrdiff_t>(u >> 8);
      for (int k = 0; k < 3; ++k) {
        const int top = p[k] * (256 - s) + p[k + 3] * s;
        const int low = p[k + 3 * w] * (256 - s) + p[k + 3 * w + 3] * s;
        picture.at(x, y)[k] = static_cast<std::uint8_t>((top * (256 - t) + low * t + 32768) >> 16);
      }
    }
  }
}

void Sensor::move(const Picture& picture, float pixels, float turn) {
  constexpr int kSteps = 6;
  const std::ptrdiff_t row_bytes = 3 * static_cast<std::ptrdiff_t>(picture.width);
  const auto count = static_cast<std::size_t>(row_bytes) * static_cast<std::size_t>(picture.height);
  sums_.assign(count, 0);
  for (int step = 0; step < kSteps; ++step) {
    const float at = pixels * (static_cast<float>(step) / (kSteps - 1) - 0.5f);
    const int dx = static_cast<int>(std::lround(at * std::cos(turn * kDegree)));
    const int dy = static_cast<int>(std::lround(at * std::sin(turn * kDegree)));
    for (int y = 0; y < picture.height; ++y) {
      const std::uint8_t* from = picture.at(0, std::clamp(y + dy, 0, picture.height - 1));
      std::uint16_t* to = sums_.data() + y * row_bytes;
      const int first = std::clamp(-dx, 0, picture.width),
                last = std::clamp(picture.width - dx, 0, picture.width);
      for (int i = 0; i < 3 * first; ++i) to[i] = static_cast<std::uint16_t>(to[i] + from[i % 3]);
      for (int i = 3 * first; i < 3 * last; ++i) {
        to[i] = static_cast<std::uint16_t>(to[i] + from[i + 3 * dx]);
      }
      for (int i = 3 * last; i < 3 * picture.width; ++i) {
        to[i] = static_cast<std::uint16_t>(to[i] + from[3 * (picture.width - 1) + i % 3]);
      }
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    picture.rgb[i] = static_cast<std::uint8_t>((sums_[i] + kSteps / 2) / kSteps);
  }
}

void Sensor::compress(const Picture& picture, float step) {
  const int w = picture.width, h = picture.height;
  const int half_w = (w + 1) / 2, half_h = (h + 1) / 2;
  const std::size_t luma = static_cast<std::size_t>(w) * static_cast<std::size_t>(h);
  const std::size_t chroma = static_cast<std::size_t>(half_w) * static_cast<std::size_t>(half_h);
  planes_.assign(luma + 2 * chroma, 0);
  float* y_plane = planes_.data();
  float* u_plane = y_plane + luma;
  float* v_plane = u_plane + chroma;
  const auto chroma_at = [&](int x, int y) {
    return static_cast<std::ptrdiff_t>(y / 2) * half_w + x / 2;
  };
  for (int y = 0; y < h; ++y) {
    for (int x = 0; x < w; ++x) {
      const std::uint8_t* p = picture.at(x, y);
      const float r = p[0], g = p[1], b = p[2];
      const float light = 0.299f * r + 0.587f * g + 0.114f * b;
      y_plane[static_cast<std::ptrdiff_t>(y) * w + x] = light;
      u_plane[chroma_at(x, y)] += 0.25f * 0.564f * (b - light);
      v_plane[chroma_at(x, y)] += 0.25f * 0.713f * (r - light);
    }
  }
  quantise_plane(y_plane, w, h, step);
  quantise_plane(u_plane, half_w, half_h, 1.5f * step);
  quantise_plane(v_plane, half_w, half_h, 1.5f * step);
  for (int y = 0; y < h; ++y) {
    for (int x = 0; x < w; ++x) {
      std::uint8_t* p = picture.at(x, y);
      const float light = y_plane[static_cast<std::ptrdiff_t>(y) * w + x];
      const float u = u_plane[chroma_at(x, y)], v = v_plane[chroma_at(x, y)];
      p[0] = byte_of(light + 1.403f * v);
      p[1] = byte_of(light - 0.344f * u - 0.714f * v);
      p[2] = byte_of(light + 1.773f * u);
    }
  }
}

}  // namespace posefleet::training

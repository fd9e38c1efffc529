#include "training/footage/picture.h"

#include <algorithm>
#include <cmath>

namespace posefleet::training {
namespace {

std::uint8_t byte_of(float value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0.0f, 255.0f) + 0.5f);
}

// One row or column of a blur: running sums over 2 r + 1 values, ends repeated.
void blur_line(const std::uint8_t* from, std::ptrdiff_t from_step, std::uint8_t* to,
               std::ptrdiff_t to_step, int count, int radius) {
  const auto at = [&](int i) { return from[std::clamp(i, 0, count - 1) * from_step]; };
  const int window = 2 * radius + 1;
  // Division by a multiplication; exact enough for sums below 2^16.
  const std::uint32_t scale =
      (65536U + static_cast<std::uint32_t>(window) / 2) / static_cast<std::uint32_t>(window);
  std::uint32_t sum = 0;
  for (int i = -radius; i <= radius; ++i) sum += at(i);
  for (int i = 0; i < count; ++i) {
    to[i * to_step] = static_cast<std::uint8_t>(std::min((sum * scale + 32768U) >> 16, 255U));
    sum += at(i + radius + 1);
    sum -= at(i - radius);
  }
}

}  // namespace

Tone mixed(const Tone& a, const Tone& b, float t) {
  Tone tone;
  for (std::size_t k = 0; k < 3; ++k) tone[k] = byte_of(a[k] + (b[k] - a[k]) * t);
  return tone;
}

Tone darker(const Tone& a, float by) {
  return {byte_of(a[0] * by), byte_of(a[1] * by), byte_of(a[2] * by)};
}

void fill_gradient(const Picture& picture, const Tone& top, const Tone& bottom, float slant) {
  // In 1/65536 steps, so that a row is additions only.
  std::array<std::int32_t, 3> step{};
  for (std::size_t k = 0; k < 3; ++k) {
    step[k] = static_cast<std::int32_t>(65536 * slant * (bottom[k] - top[k]) /
                                        static_cast<float>(picture.width));
  }
  for (int y = 0; y < picture.height; ++y) {
    const float t = static_cast<float>(y) / static_cast<float>(picture.height);
    std::array<std::int32_t, 3> value{};
    for (std::size_t k = 0; k < 3; ++k) {
      value[k] = static_cast<std::int32_t>(65536 * (top[k] + (bottom[k] - top[k]) * t)) -
                 step[k] * (picture.width / 2);
    }
    std::uint8_t* row = picture.at(0, y);
    for (int x = 0; x < picture.width; ++x) {
      for (std::size_t k = 0; k < 3; ++k) {
        row[3 * x + static_cast<int>(k)] =
            static_cast<std::uint8_t>(std::clamp(value[k] >> 16, 0, 255));
        value[k] += step[k];
      }
    }
  }
}

void fill_span(const Picture& picture, int y, int x0, int x1, const Fill& fill) {
  if (x0 > x1) return;
  std::uint8_t* to = picture.at(x0, y);
  const int alpha = static_cast<int>(256 * fill.opacity);
  if (picture.owner != nullptr && alpha > 128) {
    std::fill_n(picture.owner + static_cast<std::ptrdiff_t>(y) * picture.width + x0, x1 - x0 + 1,
                std::uint8_t{0});
  }
  const int texel_step = static_cast<int>(65536 * fill.texels_per_pixel);
  const int row =
      static_cast<int>(std::floor(fill.shift_y + static_cast<float>(y) * fill.texels_per_pixel));
  std::int64_t texel =
      static_cast<std::int64_t>(65536 * fill.shift_x) + std::int64_t{x0} * texel_step;
  for (int x = x0; x <= x1; ++x, to += 3, texel += texel_step) {
    const int t =
        fill.texture == nullptr ? 0 : fill.texture->at(static_cast<int>(texel >> 16), row);
    for (std::size_t k = 0; k < 3; ++k) {
      const int tone = fill.a[k] + ((fill.b[k] - fill.a[k]) * t >> 8);
      to[k] = static_cast<std::uint8_t>(to[k] + ((tone - to[k]) * alpha >> 8));
    }
  }
}

void fill_polygon(const Picture& picture, std::span<const Point2> corners, const Fill& fill) {
  float top = 1e9f, bottom = -1e9f;
  for (const Point2& corner : corners) {
    top = std::min(top, corner[1]);
    bottom = std::max(bottom, corner[1]);
  }
  const float last_row = static_cast<float>(picture.height - 1);
  const float right_edge = static_cast<float>(picture.width);
  const int first = static_cast<int>(std::ceil(std::clamp(top - 0.5f, 0.0f, last_row + 1)));
  const int last = static_cast<int>(std::floor(std::clamp(bottom - 0.5f, -1.0f, last_row)));
  for (int y = first; y <= last; ++y) {
    const float at = static_cast<float>(y) + 0.5f;
    float left = 1e9f, right = -1e9f;
    for (std::size_t i = 0; i < corners.size(); ++i) {
      const Point2& a = corners[i];
      const Point2& b = corners[(i + 1) % corners.size()];
      if ((a[1] <= at) == (b[1] <= at)) continue;
      const float x = a[0] + (b[0] - a[0]) * (at - a[1]) / (b[1] - a[1]);
      left = std::min(left, x);
      right = std::max(right, x);
    }
    if (left > right) continue;
    fill_span(picture, y, static_cast<int>(std::ceil(std::clamp(left - 0.5f, 0.0f, right_edge))),
              static_cast<int>(std::floor(std::clamp(right - 0.5f, -1.0f, right_edge - 1))), fill);
  }
}

void fill_ellipse(const Picture& picture, const Point2& centre, const Point2& radii,
                  const Fill& fill) {
  const float last_row = static_cast<float>(picture.height - 1);
  const float right_edge = static_cast<float>(picture.width);
  const int first =
      static_cast<int>(std::ceil(std::clamp(centre[1] - radii[1] - 0.5f, 0.0f, last_row + 1)));
  const int last =
      static_cast<int>(std::floor(std::clamp(centre[1] + radii[1] - 0.5f, -1.0f, last_row)));
  for (int y = first; y <= last; ++y) {
    const float v = (static_cast<float>(y) + 0.5f - centre[1]) / radii[1];
    const float half = radii[0] * std::sqrt(std::max(1 - v * v, 0.0f));
    fill_span(
        picture, y,
        static_cast<int>(std::ceil(std::clamp(centre[0] - half - 0.5f, 0.0f, right_edge))),
        static_cast<int>(std::floor(std::clamp(centre[0] + half - 0.5f, -1.0f, right_edge - 1))),
        fill);
  }
}

void blur(const Picture& picture, int radius, std::vector<std::uint8_t>& scratch) {
  if (radius < 1) return;
  radius = std::min({radius, 60, picture.width - 1, picture.height - 1});
  const auto row_bytes = static_cast<std::size_t>(3) * static_cast<std::size_t>(picture.width);
  scratch.resize(row_bytes * static_cast<std::size_t>(picture.height));
  for (int y = 0; y < picture.height; ++y) {
    for (int k = 0; k < 3; ++k) {
      blur_line(picture.at(0, y) + k, 3,
                scratch.data() + static_cast<std::size_t>(y) * row_bytes + k, 3, picture.width,
                radius);
    }
  }
  // Columns side by side, row by row, since memory runs along rows.
  const int window = 2 * radius + 1;
  const std::uint32_t scale =
      (65536U + static_cast<std::uint32_t>(window) / 2) / static_cast<std::uint32_t>(window);
  const auto row_at = [&](int y) {
    return scratch.data() +
           static_cast<std::size_t>(std::clamp(y, 0, picture.height - 1)) * row_bytes;
  };
  std::vector<std::uint32_t> sums(row_bytes, 0);
  for (int i = -radius; i <= radius; ++i) {
    const std::uint8_t* row = row_at(i);
    for (std::size_t x = 0; x < row_bytes; ++x) sums[x] += row[x];
  }
  for (int y = 0; y < picture.height; ++y) {
    std::uint8_t* to = picture.at(0, y);
    const std::uint8_t* entering = row_at(y + radius + 1);
    const std::uint8_t* leaving = row_at(y - radius);
    for (std::size_t x = 0; x < row_bytes; ++x) {
      to[x] = static_cast<std::uint8_t>(std::min((sums[x] * scale + 32768U) >> 16, 255U));
      sums[x] += entering[x];
      sums[x] -= leaving[x];
    }
  }
}

}  // namespace posefleet::training

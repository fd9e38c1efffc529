#include "worker/model/blur.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "common/base/check.h"

namespace posefleet {
namespace {

// NumPy's sum for 8 to 128 numbers: eight running sums, joined in pairs; below 8 one after the
// other. Above 128 it halves the list. The weights are divided by this sum, so its last bit counts.
double numpy_sum(std::span<const double> values) {
  const std::size_t count = values.size();
  if (count < 8) {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum;
  }
  if (count > 128) {
    const std::size_t half = count / 2 - (count / 2) % 8;
    return numpy_sum(values.first(half)) + numpy_sum(values.subspan(half));
  }
  std::array<double, 8> lane{};
  std::copy_n(values.begin(), 8, lane.begin());
  std::size_t i = 8;
  for (; i < count - count % 8; i += 8) {
    for (std::size_t j = 0; j < 8; ++j) lane[j] += values[i + j];
  }
  double sum =
      ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
  for (; i < count; ++i) sum += values[i];
  return sum;
}

// One blurred row over the columns [first, end), three channels: out[0] is column `first`.
void blur_vertically(const BgrView& frame, int y, std::span<const double> weights, int first,
                     std::span<double> out) {
  const auto row = [&](int at) {
    return frame.row(std::clamp(at, 0, frame.height - 1)) + std::ptrdiff_t{3} * first;
  };
  const std::uint8_t* centre = row(y);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = centre[i] * weights[0];
  for (int distance = static_cast<int>(weights.size()) - 1; distance > 0; --distance) {
    const std::uint8_t* above = row(y - distance);
    const std::uint8_t* below = row(y + distance);
    const double weight = weights[static_cast<std::size_t>(distance)];
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += (above[i] + below[i]) * weight;
  }
}

}  // namespace

std::vector<double> gaussian_weights(double sigma) {
  const int radius = static_cast<int>(4.0 * sigma + 0.5);
  const double factor = -0.5 / (sigma * sigma);
  std::vector<double> both_sides;
  for (int x = -radius; x <= radius; ++x) {
    // In long double, so that one rounding to double gives the nearest number on every machine.
    // NumPy's vector exp is one unit in the last place off for some x, on some processors: 6e-14
    // grey levels, which the rounding to float32 takes away.
    const auto exponent = static_cast<long double>(factor * (static_cast<double>(x) * x));
    both_sides.push_back(static_cast<double>(std::exp(exponent)));
  }
  const double sum = numpy_sum(both_sides);
  std::vector<double> weights;
  for (int x = 0; x <= radius; ++x) {
    weights.push_back(both_sides[static_cast<std::size_t>(radius + x)] / sum);
  }
  return weights;
}

std::vector<double> blurred_samples(const BgrView& frame, double sigma, std::span<const int> rows,
                                    std::span<const int> columns) {
  std::vector<double> samples(rows.size() * columns.size() * 3);
  if (samples.empty()) return samples;
  POSEFLEET_CHECK(rows.front() >= 0 && rows.back() < frame.height);
  POSEFLEET_CHECK(columns.front() >= 0 && columns.back() < frame.width);
  const std::vector<double> weights = gaussian_weights(sigma);
  const int radius = static_cast<int>(weights.size()) - 1;

  // The columns that the horizontal pass reads, and where they lie inside the frame.
  const int first = columns.front() - radius;
  const int end = columns.back() + radius + 1;
  const int inside_first = std::max(first, 0);
  const int inside_end = std::min(end, frame.width);
  std::vector<double> line(static_cast<std::size_t>(end - first) * 3);
  const auto at = [&](int column) { return line.data() + std::ptrdiff_t{3} * (column - first); };

  double* out = samples.data();
  for (const int y : rows) {
    blur_vertically(frame, y, weights, inside_first,
                    {at(inside_first), static_cast<std::size_t>(inside_end - inside_first) * 3});
    for (int x = first; x < inside_first; ++x) std::copy_n(at(inside_first), 3, at(x));
    for (int x = inside_end; x < end; ++x) std::copy_n(at(inside_end - 1), 3, at(x));
    for (const int x : columns) {
      for (int channel = 0; channel < 3; ++channel) {
        const double* centre = at(x) + channel;
        double sum = centre[0] * weights[0];
        for (int distance = radius; distance > 0; --distance) {
          const std::ptrdiff_t step = std::ptrdiff_t{3} * distance;
          sum += (centre[-step] + centre[step]) * weights[static_cast<std::size_t>(distance)];
        }
        *out++ = sum;
      }
    }
  }
  return samples;
}

}  // namespace posefleet

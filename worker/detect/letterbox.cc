#include "worker/detect/letterbox.h"

#include <algorithm>
#include <cmath>

#include "common/base/check.h"

namespace posefleet {
namespace {

// What fills the border: the mean grey of the pictures that these detectors were trained on.
constexpr int kGrey = 114;

// OpenCV's fixed point for 8-bit pictures: weights in 1/2048, that is 11 bits each way.
constexpr int kWeightOne = 2048;

// Half to even, as Python's round() and OpenCV's cvRound do.
int rounded(double value) {
  return static_cast<int>(std::nearbyint(value));
}

// Which two source samples make a target sample, and with which weights.
struct Tap {
  int first = 0;
  int second = 0;
  int first_weight = 0;
  int second_weight = 0;
};

// OpenCV keeps the fraction beyond the last row but not beyond the last column; both samples are
// the edge's then, so only the rounding differs.
std::vector<Tap> taps(int source, int target, bool keeps_edge_fraction) {
  const double step = 1.0 / (static_cast<double>(target) / source);
  std::vector<Tap> result(static_cast<std::size_t>(target));
  for (int i = 0; i < target; ++i) {
    auto fraction = static_cast<float>((i + 0.5) * step - 0.5);
    int at = static_cast<int>(std::floor(fraction));
    fraction -= static_cast<float>(at);
    if (!keeps_edge_fraction && (at < 0 || at >= source - 1)) {
      fraction = 0;
      at = std::clamp(at, 0, source - 1);
    }
    Tap& tap = result[static_cast<std::size_t>(i)];
    tap.first = std::clamp(at, 0, source - 1);
    tap.second = std::clamp(at + 1, 0, source - 1);
    tap.first_weight = rounded((1.0f - fraction) * static_cast<float>(kWeightOne));
    tap.second_weight = rounded(fraction * static_cast<float>(kWeightOne));
  }
  return result;
}

// One source row, resized across, in 1/2048 grey levels.
void resize_row(const std::uint8_t* row, const std::vector<Tap>& columns, std::vector<int>& out) {
  std::size_t next = 0;
  for (const Tap& tap : columns) {
    const std::uint8_t* first = row + 3 * tap.first;
    const std::uint8_t* second = row + 3 * tap.second;
    for (int channel = 0; channel < 3; ++channel) {
      out[next++] = first[channel] * tap.first_weight + second[channel] * tap.second_weight;
    }
  }
}

}  // namespace

InputGeometry input_geometry(int frame_width, int frame_height, int side, DetectorResize resize) {
  POSEFLEET_CHECK(frame_width >= 1 && frame_height >= 1 && side >= 1);
  InputGeometry geometry;
  geometry.side = side;
  if (resize == DetectorResize::Square) {
    geometry.width = geometry.height = side;
    geometry.scale_x = static_cast<double>(side) / frame_width;
    geometry.scale_y = static_cast<double>(side) / frame_height;
    return geometry;
  }
  const double scale =
      std::min(static_cast<double>(side) / frame_height, static_cast<double>(side) / frame_width);
  geometry.scale_x = geometry.scale_y = scale;
  // A frame of 4000x1 would vanish otherwise.
  geometry.width = std::max(1, rounded(frame_width * scale));
  geometry.height = std::max(1, rounded(frame_height * scale));
  // The tenth decides which side gets the odd pixel.
  geometry.left = rounded((side - geometry.width) / 2.0 - 0.1);
  geometry.top = rounded((side - geometry.height) / 2.0 - 0.1);
  return geometry;
}

std::array<float, 4> to_frame(const std::array<float, 4>& box, const InputGeometry& geometry,
                              int frame_width, int frame_height) {
  const auto back = [](float value, int border, double scale, int limit) {
    const double position = (static_cast<double>(value) - border) / scale;
    return static_cast<float>(std::clamp(position, 0.0, static_cast<double>(limit)));
  };
  return {back(box[0], geometry.left, geometry.scale_x, frame_width),
          back(box[1], geometry.top, geometry.scale_y, frame_height),
          back(box[2], geometry.left, geometry.scale_x, frame_width),
          back(box[3], geometry.top, geometry.scale_y, frame_height)};
}

std::vector<std::uint8_t> resized(const BgrView& picture, int width, int height) {
  const std::vector<Tap> columns = taps(picture.width, width, false);
  const std::vector<Tap> rows = taps(picture.height, height, true);
  const std::size_t row_size = static_cast<std::size_t>(width) * 3;
  std::vector<std::uint8_t> pixels(row_size * static_cast<std::size_t>(height));
  // Neighbouring target rows need the same source rows: the last two are kept.
  std::array<std::vector<int>, 2> kept = {std::vector<int>(row_size), std::vector<int>(row_size)};
  std::array<int, 2> kept_row = {-1, -1};
  const auto row_at = [&](int row, int other) -> const std::vector<int>& {
    for (std::size_t slot = 0; slot < 2; ++slot) {
      if (kept_row[slot] == row) return kept[slot];
    }
    const std::size_t slot = kept_row[0] == other ? 1 : 0;
    resize_row(picture.row(row), columns, kept[slot]);
    kept_row[slot] = row;
    return kept[slot];
  };
  std::uint8_t* out = pixels.data();
  for (const Tap& tap : rows) {
    const std::vector<int>& first = row_at(tap.first, tap.second);
    const std::vector<int>& second = row_at(tap.second, tap.first);
    for (std::size_t i = 0; i < row_size; ++i) {
      // OpenCV's order of shifts; the low bits it drops are part of the result.
      const int sum = (((tap.first_weight * (first[i] >> 4)) >> 16) +
                       ((tap.second_weight * (second[i] >> 4)) >> 16) + 2) >>
                      2;
      *out++ = static_cast<std::uint8_t>(std::clamp(sum, 0, 255));
    }
  }
  return pixels;
}

void make_input(const BgrView& picture, const InputGeometry& geometry, const DetectorTraits& traits,
                std::span<float> out) {
  const auto side = static_cast<std::size_t>(geometry.side);
  POSEFLEET_CHECK(out.size() == 3 * side * side);
  const std::vector<std::uint8_t> pixels = resized(picture, geometry.width, geometry.height);
  for (std::size_t channel = 0; channel < 3; ++channel) {
    std::array<float, 256> number{};
    for (std::size_t p = 0; p < number.size(); ++p) {
      number[p] =
          (static_cast<float>(p) / 255.0f - traits.mean[channel]) / traits.deviation[channel];
    }
    const std::span<float> plane = out.subspan(channel * side * side, side * side);
    std::fill(plane.begin(), plane.end(), number[kGrey]);
    for (int y = 0; y < geometry.height; ++y) {
      // Red first here, blue first there.
      const std::uint8_t* from =
          pixels.data() +
          static_cast<std::size_t>(y) * static_cast<std::size_t>(geometry.width) * 3 +
          (2 - channel);
      float* to = plane.data() + static_cast<std::size_t>(y + geometry.top) * side +
                  static_cast<std::size_t>(geometry.left);
      for (int x = 0; x < geometry.width; ++x) to[x] = number[from[3 * x]];
    }
  }
}

}  // namespace posefleet

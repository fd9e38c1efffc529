#include "worker/model/crop.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common/base/check.h"
#include "worker/model/blur.h"

namespace posefleet {
namespace {

// The network looks at the middle 192 columns of the crop: people are taller than wide.
constexpr double kAspectWidth = 192;
constexpr double kAspectHeight = 256;

// Above this reduction (frame pixels per crop pixel, halved) the reference blurs first.
constexpr double kBlurFrom = 1.1;

// A square of more than this many times the frame's longer side is refused: the frame would be 32
// pixels wide in the crop, and the blur's radius, which grows with the square, would cost minutes.
constexpr double kSquareMax = 8;

// Coordinates beyond it cannot be a person in any picture, and positions in 1/1024 pixel below it
// fit 32 bits.
constexpr float kCoordinateMax = 1e6f;

// Positions are in 1/32 pixel, rounded from 1/1024: OpenCV's AB_BITS 10 and INTER_BITS 5.
constexpr double kPositionScale = 1024;
constexpr int kPositionShift = 5;
constexpr int kRoundHalf = 16;
constexpr int kFractionCount = 32;

struct Point {
  float x, y;
};

// Solves the 6x6 system by elimination with the largest pivot. Spelled out because its roundings
// are part of the result: the reference's matrix has entries of 1e-16 where zeros would be exact.
std::array<double, 6> solve(std::array<std::array<double, 7>, 6> rows) {
  for (std::size_t i = 0; i < 6; ++i) {
    std::size_t pivot = i;
    for (std::size_t j = i + 1; j < 6; ++j) {
      if (std::abs(rows[j][i]) > std::abs(rows[pivot][i])) pivot = j;
    }
    std::swap(rows[i], rows[pivot]);
    const double negative_inverse = -1 / rows[i][i];
    for (std::size_t j = i + 1; j < 6; ++j) {
      const double factor = rows[j][i] * negative_inverse;
      for (std::size_t k = i + 1; k < 7; ++k) rows[j][k] += factor * rows[i][k];
    }
  }
  std::array<double, 6> solution{};
  for (std::size_t i = 6; i-- > 0;) {
    double sum = rows[i][6];
    for (std::size_t k = i + 1; k < 6; ++k) sum -= rows[i][k] * solution[k];
    solution[i] = sum / rows[i][i];
  }
  return solution;
}

// The affine map that takes three points to three others.
std::array<double, 6> affine_through(const std::array<Point, 3>& from,
                                     const std::array<Point, 3>& to) {
  std::array<std::array<double, 7>, 6> rows{};
  for (std::size_t i = 0; i < 3; ++i) {
    rows[2 * i] = {from[i].x, from[i].y, 1, 0, 0, 0, to[i].x};
    rows[2 * i + 1] = {0, 0, 0, from[i].x, from[i].y, 1, to[i].y};
  }
  return solve(rows);
}

// Crop pixel -> frame pixel.
std::array<double, 6> inverse(const std::array<double, 6>& m) {
  const double determinant_inverse = 1 / (m[0] * m[4] - m[1] * m[3]);
  const double a = m[4] * determinant_inverse;
  const double b = -m[1] * determinant_inverse;
  const double d = -m[3] * determinant_inverse;
  const double e = m[0] * determinant_inverse;
  return {a, b, -a * m[2] - b * m[5], d, e, -d * m[2] - e * m[5]};
}

// Where the crop's pixels lie in the frame, in 1/32 pixel.
class Positions final {
 public:
  explicit Positions(const CropGeometry& geometry) : back_(inverse(geometry.affine)) {}

  struct Position {
    int x, y;
  };
  Position of(int x, int y) const {
    return {quantised(&back_[0], x, y), quantised(&back_[3], x, y)};
  }

 private:
  static int quantised(const double* row, int x, int y) {
    const auto start = static_cast<long long>(std::rint((row[1] * y + row[2]) * kPositionScale));
    const auto step = static_cast<long long>(std::rint(row[0] * x * kPositionScale));
    return static_cast<int>((start + kRoundHalf + step) >> kPositionShift);
  }

  std::array<double, 6> back_;
};

// The four neighbours' weights, in 1/1024: left above, right above, left below, right below.
std::array<int, 4> bilinear_weights(Positions::Position p) {
  const int fx = p.x & (kFractionCount - 1);
  const int fy = p.y & (kFractionCount - 1);
  return {(kFractionCount - fx) * (kFractionCount - fy), fx * (kFractionCount - fy),
          (kFractionCount - fx) * fy, fx * fy};
}

// Calls use(crop pixel index, position) for all of them.
template <typename Use>
void for_each_pixel(const CropGeometry& geometry, const Use& use) {
  const Positions positions(geometry);
  for (int y = 0; y < kCropSide; ++y) {
    for (int x = 0; x < kCropSide; ++x) {
      use(static_cast<std::size_t>(y) * kCropSide + static_cast<std::size_t>(x),
          positions.of(x, y));
    }
  }
}

// Stores one pixel's three values, given in BGR, as the network wants them.
class Writer final {
 public:
  Writer(const CropNormalisation& normalisation, std::span<float> out)
      : normalisation_(normalisation), out_(out) {}

  void put(std::size_t pixel, const std::array<float, 3>& bgr) const {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      out_[channel * kCropSide * kCropSide + pixel] =
          (bgr[2 - channel] - normalisation_.offset[channel]) / normalisation_.scale[channel];
    }
  }

 private:
  const CropNormalisation& normalisation_;
  std::span<float> out_;
};

// 8-bit frame: integer arithmetic, rounded to an integer as the 8-bit picture it would be.
void crop_sharp(const BgrView& frame, const CropGeometry& geometry, const Writer& writer) {
  for_each_pixel(geometry, [&](std::size_t pixel, Positions::Position p) {
    const std::array<int, 4> weights = bilinear_weights(p);
    std::array<int, 3> sum{};
    for (int corner = 0; corner < 4; ++corner) {
      const int x = (p.x >> kPositionShift) + (corner & 1);
      const int y = (p.y >> kPositionShift) + (corner >> 1);
      if (x < 0 || y < 0 || x >= frame.width || y >= frame.height) continue;
      const std::uint8_t* source = frame.row(y) + std::ptrdiff_t{3} * x;
      for (std::size_t c = 0; c < 3; ++c) {
        sum[c] += weights[static_cast<std::size_t>(corner)] * source[c];
      }
    }
    std::array<float, 3> bgr{};
    for (std::size_t c = 0; c < 3; ++c) bgr[c] = static_cast<float>((sum[c] + 512) >> 10);
    writer.put(pixel, bgr);
  });
}

// The rows or columns of the frame that a crop samples, in rising order, and their places in that
// list.
struct SampledLines {
  std::vector<int> lines;
  std::vector<int> place;  // by frame coordinate; -1 where the crop does not look
};

SampledLines list_of(const std::vector<bool>& is_sampled) {
  SampledLines result;
  for (std::size_t i = 0; i < is_sampled.size(); ++i) {
    result.place.push_back(is_sampled[i] ? static_cast<int>(result.lines.size()) : -1);
    if (is_sampled[i]) result.lines.push_back(static_cast<int>(i));
  }
  return result;
}

// Blurred frame: everything in double until the last step.
void crop_blurred(const BgrView& frame, const CropGeometry& geometry, double sigma,
                  const Writer& writer) {
  std::vector<bool> row_is_sampled(static_cast<std::size_t>(frame.height));
  std::vector<bool> column_is_sampled(static_cast<std::size_t>(frame.width));
  for_each_pixel(geometry, [&](std::size_t, Positions::Position p) {
    for (int neighbour = 0; neighbour < 2; ++neighbour) {
      const int x = (p.x >> kPositionShift) + neighbour;
      const int y = (p.y >> kPositionShift) + neighbour;
      if (x >= 0 && x < frame.width) column_is_sampled[static_cast<std::size_t>(x)] = true;
      if (y >= 0 && y < frame.height) row_is_sampled[static_cast<std::size_t>(y)] = true;
    }
  });
  const SampledLines rows = list_of(row_is_sampled);
  const SampledLines columns = list_of(column_is_sampled);
  const std::vector<double> samples = blurred_samples(frame, sigma, rows.lines, columns.lines);

  for_each_pixel(geometry, [&](std::size_t pixel, Positions::Position p) {
    const std::array<int, 4> weights = bilinear_weights(p);
    std::array<double, 3> sum{};
    for (int corner = 0; corner < 4; ++corner) {
      const int x = (p.x >> kPositionShift) + (corner & 1);
      const int y = (p.y >> kPositionShift) + (corner >> 1);
      if (x < 0 || y < 0 || x >= frame.width || y >= frame.height) continue;
      const auto row = static_cast<std::size_t>(rows.place[static_cast<std::size_t>(y)]);
      const auto column = static_cast<std::size_t>(columns.place[static_cast<std::size_t>(x)]);
      const double* source = samples.data() + (row * columns.lines.size() + column) * 3;
      // Exact: the weights are multiples of 1/1024.
      const double weight = weights[static_cast<std::size_t>(corner)] / 1024.0;
      for (std::size_t c = 0; c < 3; ++c) sum[c] += source[c] * weight;
    }
    writer.put(pixel, {static_cast<float>(sum[0]), static_cast<float>(sum[1]),
                       static_cast<float>(sum[2])});
  });
}

// 255 times the decimal number that the manifest spelled, rounded once: going through the float
// that it was stored as could differ in the last bit.
float times_255(float value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  double decimal = 0;
  std::from_chars(text.data(), end, decimal);
  return static_cast<float>(255.0 * decimal);
}

}  // namespace

std::string to_text(const PersonBox& box) {
  return fmt::format("box {:.1f},{:.1f},{:.1f},{:.1f}", box.x0, box.y0, box.x1, box.y1);
}

Result<CropNormalisation> crop_normalisation(const Manifest& manifest) {
  if (manifest.image_mean.size() != 3 || manifest.image_std.size() != 3) {
    return rejected(
        fmt::format("model '{}': image_mean has {} numbers and image_std {}, expected 3 and 3 "
                    "(red, green, blue); import the model again",
                    manifest.name, manifest.image_mean.size(), manifest.image_std.size()));
  }
  CropNormalisation result;
  for (std::size_t i = 0; i < 3; ++i) {
    const float mean = manifest.image_mean[i];
    const float deviation = manifest.image_std[i];
    if (!std::isfinite(mean) || !std::isfinite(deviation) || deviation <= 0) {
      return rejected(
          fmt::format("model '{}': image_mean[{}] is {} and image_std[{}] is {}, expected finite "
                      "numbers and a deviation above 0; import the model again",
                      manifest.name, i, mean, i, deviation));
    }
    result.offset[i] = times_255(mean);
    result.scale[i] = times_255(deviation);
  }
  return result;
}

std::array<double, 2> widened_to_crop(float width, float height) {
  if (static_cast<double>(height / width) < kAspectHeight / kAspectWidth) {
    return {width, std::max(width * kAspectHeight / kAspectWidth, static_cast<double>(height))};
  }
  return {std::max(height * kAspectWidth / kAspectHeight, static_cast<double>(width)), height};
}

Result<CropGeometry> crop_geometry(const PersonBox& box, int frame_width, int frame_height) {
  for (const float value : {box.x0, box.y0, box.x1, box.y1}) {
    if (!std::isfinite(value) || std::abs(value) > kCoordinateMax) {
      return rejected(fmt::format("{}: coordinates must be finite and within {:.0f} pixels",
                                  to_text(box), kCoordinateMax));
    }
  }
  if (box.x1 - box.x0 < 1 || box.y1 - box.y0 < 1) {
    return rejected(
        fmt::format("{}: must be at least one pixel wide and high; the order is left, "
                    "top, right, bottom",
                    to_text(box)));
  }
  if (box.x1 <= 0 || box.y1 <= 0 || box.x0 >= static_cast<float>(frame_width) ||
      box.y0 >= static_cast<float>(frame_height)) {
    return rejected(fmt::format("{}: lies outside the frame of {}x{} pixels", to_text(box),
                                frame_width, frame_height));
  }
  CropGeometry geometry;
  geometry.center = {(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2};
  // By 200 and back: the reference stores sizes in units of 200 pixels, and it costs a bit.
  const std::array<double, 2> sides =
      widened_to_crop((box.x1 - box.x0) / 200.0f * 200.0f, (box.y1 - box.y0) / 200.0f * 200.0f);
  geometry.size = std::max(sides[0], sides[1]);
  if (geometry.size > kSquareMax * std::max(frame_width, frame_height)) {
    return rejected(fmt::format("{}: more than {:.0f} times the frame of {}x{} pixels",
                                to_text(box), kSquareMax, frame_width, frame_height));
  }
  const auto [cx, cy] = geometry.center;
  const auto half = static_cast<float>(geometry.size * 0.5);
  const auto middle = static_cast<float>(kCropSide * 0.5);
  const auto side = static_cast<float>(kCropSide);
  geometry.affine =
      affine_through({Point{cx, cy}, Point{cx, static_cast<float>(cy + half)},
                      Point{static_cast<float>(cx + half), cy}},
                     {Point{middle, middle}, Point{middle, side}, Point{side, middle}});
  return geometry;
}

double blur_sigma(const CropGeometry& geometry) {
  const double reduction = geometry.size / kCropSide / 2;
  return reduction > kBlurFrom ? (reduction - 1) / 2 : 0;
}

void make_crop(const BgrView& frame, const CropGeometry& geometry,
               const CropNormalisation& normalisation, std::span<float> out) {
  POSEFLEET_CHECK(out.size() == kCropFloats);
  const Writer writer(normalisation, out);
  const double sigma = blur_sigma(geometry);
  if (sigma > 0) {
    crop_blurred(frame, geometry, sigma, writer);
  } else {
    crop_sharp(frame, geometry, writer);
  }
}

}  // namespace posefleet

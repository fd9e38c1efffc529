#include "worker/render/sinks.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

namespace posefleet::render {
namespace {

Status check_size(int width, int height) {
  if (width < 1 || height < 1 || width > kFrameSizeMax || height > kFrameSizeMax) {
    return rejected(fmt::format("frame to draw on is {}x{} pixels, allowed 1..{} each way", width,
                                height, kFrameSizeMax));
  }
  return done();
}

// Red's and blue's share of brightness; green has the rest.
struct Shares {
  double red, blue;
};

Shares shares_of(ColourMatrix matrix) {
  switch (matrix) {
    case ColourMatrix::Bt601:
      return {0.299, 0.114};
    case ColourMatrix::Bt709:
      return {0.2126, 0.0722};
    case ColourMatrix::Bt2020:
      return {0.2627, 0.0593};
  }
  return {0.2126, 0.0722};
}

void set_weights(const YuvPlanes& frame, PlaneWeights (&weights)[3]) {
  const auto [red, blue] = shares_of(frame.matrix);
  const double green = 1 - red - blue;
  const bool full_range = frame.range == ColourRange::Full;
  const double unit = 1 << (frame.depth - 8);
  const double value_max = (1 << frame.depth) - 1;
  const double luma_scale = full_range ? value_max : 219 * unit;
  const double chroma_scale = full_range ? value_max : 224 * unit;
  const double u = chroma_scale / (2 * (1 - blue));
  const double v = chroma_scale / (2 * (1 - red));
  const auto plane = [](double r, double g, double b, double offset) {
    return PlaneWeights{static_cast<float>(r), static_cast<float>(g), static_cast<float>(b),
                        static_cast<float>(offset)};
  };
  weights[0] =
      plane(red * luma_scale, green * luma_scale, blue * luma_scale, full_range ? 0 : 16 * unit);
  weights[1] = plane(-red * u, -green * u, (1 - blue) * u, 128 * unit);
  weights[2] = plane((1 - red) * v, -green * v, -blue * v, 128 * unit);
}

const float* colour_at(const BandBuffer& band, int row, int x) {
  return band.colour + 4 * (static_cast<std::size_t>(row) * band.stride + x);
}

}  // namespace

Status check_frame(const YuvPlanes& frame) {
  POSEFLEET_TRY_DO(check_size(frame.width, frame.height));
  const auto is_known = [](int shift) { return shift == 0 || shift == 1; };
  if (!is_known(frame.chroma_shift_x) || !is_known(frame.chroma_shift_y)) {
    return rejected(fmt::format(
        "frame to draw on has chroma shifts {},{}, allowed 0 or 1: convert it to 4:2:0 first",
        frame.chroma_shift_x, frame.chroma_shift_y));
  }
  if (frame.depth < 8 || frame.depth > 16) {
    return rejected(
        fmt::format("frame to draw on has samples of {} bits, allowed 8 to 16", frame.depth));
  }
  for (int i = 0; i < 3; ++i) {
    const int row_bytes = (i == 0 ? frame.width : frame.chroma_width()) * frame.sample_bytes();
    if (frame.data[i] == nullptr) {
      return rejected(fmt::format("frame to draw on has no plane {}: it needs three", i));
    }
    if (std::abs(frame.stride[i]) < row_bytes) {
      return rejected(fmt::format("frame to draw on has rows of {} bytes in plane {}, below {}",
                                  frame.stride[i], i, row_bytes));
    }
  }
  return done();
}

Status check_frame(const BgrPicture& picture) {
  POSEFLEET_TRY_DO(check_size(picture.width, picture.height));
  if (picture.data == nullptr) return rejected("picture to draw on has no data");
  if (std::abs(picture.stride) < 3 * picture.width) {
    return rejected(fmt::format("picture to draw on has rows of {} bytes, below 3 x {}",
                                picture.stride, picture.width));
  }
  return done();
}

Status check_frame(const RgbaPlane& picture) {
  POSEFLEET_TRY_DO(check_size(picture.width, picture.height));
  if (picture.data == nullptr) return rejected("picture to draw on has no data");
  if (picture.stride < 4 * picture.width) {
    return rejected(fmt::format("picture to draw on has rows of {} samples, below 4 x {}",
                                picture.stride, picture.width));
  }
  return done();
}

YuvSink::YuvSink(const YuvPlanes& frame, const Kernels& kernels, std::vector<float>& scratch)
    : frame_(frame), kernels_(kernels), line_(scratch) {
  set_weights(frame_, weights_);
  line_.resize(4 * static_cast<std::size_t>(frame_.chroma_width()));
}

void YuvSink::blend(const BandBuffer& band, const int* x_first, const int* x_last) {
  const int rows = band.y_end - band.y_begin;
  for (int row = 0; row < rows; ++row) {
    if (x_first[row] > x_last[row]) continue;
    blend_row(colour_at(band, row, x_first[row]), 0, band.y_begin + row, x_first[row],
              x_last[row] - x_first[row] + 1);
  }
  const int step = 1 << frame_.chroma_shift_y;
  for (int row = 0; row < rows; row += step) {
    // Of an odd frame's last chroma row only one row exists.
    const int row_count = std::min(step, rows - row);
    const int first = *std::min_element(x_first + row, x_first + row + row_count);
    const int last = *std::max_element(x_last + row, x_last + row + row_count);
    if (first <= last) blend_chroma_row(band, row, row_count, first, last);
  }
}

void YuvSink::blend_chroma_row(const BandBuffer& band, int row, int row_count, int x_first,
                               int x_last) {
  const int shift = frame_.chroma_shift_x;
  // With half the columns, the chroma at column c lies on column 2c and takes from both sides
  // (weights 1 2 1). So a touched odd column reaches one further to the right.
  const int first = x_first >> shift;
  const int last = std::min((x_last + shift) >> shift, frame_.chroma_width() - 1);
  const float share = 1.f / static_cast<float>(row_count);
  for (int c = first; c <= last; ++c) {
    // Beyond the frame's edge the last column counts again, so that what is covered to the edge has
    // coverage 1 there.
    const int x = c << shift;
    const int left = shift == 0 ? x : std::max(x - 1, 0);
    const int right = shift == 0 ? x : std::min(x + 1, frame_.width - 1);
    float sum[4] = {};
    for (int r = row; r < row + row_count; ++r) {
      const float* here = colour_at(band, r, x);
      const float* before = colour_at(band, r, left);
      const float* after = colour_at(band, r, right);
      for (int k = 0; k < 4; ++k) sum[k] += 0.25f * before[k] + 0.5f * here[k] + 0.25f * after[k];
    }
    float* to = &line_[4 * static_cast<std::size_t>(c - first)];
    for (int k = 0; k < 4; ++k) to[k] = sum[k] * share;
  }
  const int y = (band.y_begin + row) >> frame_.chroma_shift_y;
  for (int i = 1; i < 3; ++i) {
    blend_row(line_.data(), i, y, first, last - first + 1);
  }
}

void YuvSink::blend_row(const float* colour, int plane, int row, int x, int count) {
  std::uint8_t* to =
      frame_.data[plane] + row * frame_.stride[plane] + std::ptrdiff_t{x} * frame_.sample_bytes();
  if (frame_.depth == 8) {
    kernels_.blend_plane(colour, count, weights_[plane], to);
  } else {
    const auto value_max = static_cast<float>((1 << frame_.depth) - 1);
    kernels_.blend_plane16(colour, count, weights_[plane], value_max,
                           reinterpret_cast<std::uint16_t*>(to));
  }
}

void RgbaSink::blend(const BandBuffer& band, const int* x_first, const int* x_last) {
  constexpr float kMax = 65535.f;
  for (int row = 0; row < band.y_end - band.y_begin; ++row) {
    std::uint16_t* to = picture_.data + (band.y_begin + row) * picture_.stride;
    for (int x = x_first[row]; x <= x_last[row]; ++x) {
      const float* colour = colour_at(band, row, x);
      if (colour[3] <= 0) continue;
      std::uint16_t* pixel = to + 4 * x;
      // What was there counts by its own opacity; the sum is made straight again.
      const float below = (1.f - std::min(colour[3], 1.f)) * static_cast<float>(pixel[3]) / kMax;
      const float alpha = std::min(colour[3], 1.f) + below;
      for (int k = 0; k < 3; ++k) {
        const float sum = colour[k] + below * static_cast<float>(pixel[k]) / kMax;
        pixel[k] = static_cast<std::uint16_t>(std::clamp(sum / alpha, 0.f, 1.f) * kMax + 0.5f);
      }
      pixel[3] = static_cast<std::uint16_t>(std::min(alpha, 1.f) * kMax + 0.5f);
    }
  }
}

void BgrSink::blend(const BandBuffer& band, const int* x_first, const int* x_last) {
  for (int row = 0; row < band.y_end - band.y_begin; ++row) {
    if (x_first[row] > x_last[row]) continue;
    std::uint8_t* to =
        picture_.data + (band.y_begin + row) * picture_.stride + 3 * std::ptrdiff_t{x_first[row]};
    const float* colour = colour_at(band, row, x_first[row]);
    const int count = x_last[row] - x_first[row] + 1;
    kernels_.blend_bgr(colour, count, to);
    if (picture_.coverage == nullptr) continue;
    std::uint8_t* covered =
        picture_.coverage + std::ptrdiff_t{picture_.width} * (band.y_begin + row) + x_first[row];
    for (int x = 0; x < count; ++x) {
      const float rest = static_cast<float>(255 - covered[x]);
      covered[x] = static_cast<std::uint8_t>(static_cast<float>(covered[x]) +
                                             rest * std::min(colour[4 * x + 3], 1.f) + 0.5f);
    }
  }
}

}  // namespace posefleet::render

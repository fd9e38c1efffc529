#include "common/media/reshape.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

#include <algorithm>
#include <cstring>
#include <vector>

#include "common/base/check.h"

namespace posefleet::av {
namespace {

// Copies one plane and repeats its last column and row into what is left.
void copy_plane(const AVFrame& from, AVFrame& to, int plane, PictureSize copied, PictureSize full,
                std::size_t sample_bytes) {
  const std::size_t row_bytes = static_cast<std::size_t>(copied.width) * sample_bytes;
  for (int row = 0; row < full.height; ++row) {
    const std::uint8_t* source =
        from.data[plane] + std::min(row, copied.height - 1) * from.linesize[plane];
    std::uint8_t* target = to.data[plane] + row * to.linesize[plane];
    std::memcpy(target, source, row_bytes);
    for (int column = copied.width; column < full.width; ++column) {
      std::memcpy(target + static_cast<std::size_t>(column) * sample_bytes,
                  source + row_bytes - sample_bytes, sample_bytes);
    }
  }
}

}  // namespace

PictureSize padded_size(PictureSize size, AVPixelFormat format) {
  const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(format);
  const auto round_up = [](int value, int shift) {
    const int unit = 1 << shift;
    return (value + unit - 1) / unit * unit;
  };
  return {round_up(size.width, description->log2_chroma_w),
          round_up(size.height, description->log2_chroma_h)};
}

bool is_planar(AVPixelFormat format) {
  return (av_pix_fmt_desc_get(format)->flags & AV_PIX_FMT_FLAG_PLANAR) != 0;
}

Frame pad(const AVFrame& from, PictureSize size) {
  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(from.format));
  POSEFLEET_CHECK(is_planar(static_cast<AVPixelFormat>(from.format)));
  Frame to = make_frame();
  POSEFLEET_CHECK(av_frame_copy_props(to.get(), &from) >= 0);
  to->format = from.format;
  to->width = size.width;
  to->height = size.height;
  POSEFLEET_CHECK(av_frame_get_buffer(to.get(), 0) >= 0);
  const std::size_t sample_bytes = format->comp[0].depth > 8 ? 2 : 1;
  for (int plane = 0; plane < format->nb_components; ++plane) {
    const bool is_chroma = plane == 1 || plane == 2;
    const int shift_x = is_chroma ? format->log2_chroma_w : 0;
    const int shift_y = is_chroma ? format->log2_chroma_h : 0;
    copy_plane(from, *to, plane,
               {AV_CEIL_RSHIFT(from.width, shift_x), AV_CEIL_RSHIFT(from.height, shift_y)},
               {AV_CEIL_RSHIFT(size.width, shift_x), AV_CEIL_RSHIFT(size.height, shift_y)},
               sample_bytes);
  }
  return to;
}

Frame turn(const AVFrame& from, int quarters) {
  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(from.format));
  POSEFLEET_CHECK(!is_planar(static_cast<AVPixelFormat>(from.format)));
  const bool is_sideways = quarters % 2 != 0;
  Frame to = make_frame();
  POSEFLEET_CHECK(av_frame_copy_props(to.get(), &from) >= 0);
  to->format = from.format;
  to->width = is_sideways ? from.height : from.width;
  to->height = is_sideways ? from.width : from.height;
  if (is_sideways) {
    to->sample_aspect_ratio = {from.sample_aspect_ratio.den, from.sample_aspect_ratio.num};
  }
  POSEFLEET_CHECK(av_frame_get_buffer(to.get(), 0) >= 0);
  const auto pixel_bytes = static_cast<std::size_t>(format->comp[0].step);
  for (int y = 0; y < to->height; ++y) {
    std::uint8_t* target = to->data[0] + y * to->linesize[0];
    for (int x = 0; x < to->width; ++x, target += pixel_bytes) {
      // Where this pixel was before the turn.
      const int column = quarters == 1   ? y
                         : quarters == 2 ? from.width - 1 - x
                         : quarters == 3 ? from.width - 1 - y
                                         : x;
      const int row = quarters == 1   ? from.height - 1 - x
                      : quarters == 2 ? from.height - 1 - y
                      : quarters == 3 ? x
                                      : y;
      std::memcpy(
          target,
          from.data[0] + row * from.linesize[0] + static_cast<std::size_t>(column) * pixel_bytes,
          pixel_bytes);
    }
  }
  return to;
}

namespace {

// A transform block of 8 pixels with 4:2:0 chroma reaches over 16.
constexpr int kSpread = 16;  // pixels

// One line of pixels, of which those without colour take it from the nearest before them. `step` in
// samples; negative: backwards.
struct Line {
  std::uint16_t* first;
  std::uint8_t* has_colour;  // of the first; one per pixel
  std::ptrdiff_t step;
  std::ptrdiff_t mark_step;
  int count;
};

void spread_along(const Line& line) {
  const std::uint16_t* colour = nullptr;
  int distance = 0;
  std::uint16_t* pixel = line.first;
  std::uint8_t* mark = line.has_colour;
  for (int i = 0; i < line.count; ++i, pixel += line.step, mark += line.mark_step) {
    if (*mark != 0) {
      colour = pixel;
      distance = 0;
    } else if (colour != nullptr && ++distance <= kSpread) {
      std::memcpy(pixel, colour, 3 * sizeof(std::uint16_t));
      *mark = 1;  // the lines across go on from here
    }
  }
}

}  // namespace

void spread_colours(AVFrame& frame) {
  POSEFLEET_CHECK(frame.format == AV_PIX_FMT_RGBA64);
  const int width = frame.width, height = frame.height;
  const std::ptrdiff_t stride =
      frame.linesize[0] / static_cast<std::ptrdiff_t>(sizeof(std::uint16_t));
  auto* pixels = reinterpret_cast<std::uint16_t*>(frame.data[0]);
  std::vector<std::uint8_t> marks(static_cast<std::size_t>(width) *
                                  static_cast<std::size_t>(height));
  for (int y = 0; y < height; ++y) {
    std::uint16_t* row = pixels + y * stride;
    std::uint8_t* mark = marks.data() + std::ptrdiff_t{width} * y;
    for (int x = 0; x < width; ++x) mark[x] = row[4 * x + 3] != 0 ? 1 : 0;
    spread_along({row, mark, 4, 1, width});
    spread_along({row + 4 * std::ptrdiff_t{width - 1}, mark + width - 1, -4, -1, width});
  }
  const std::ptrdiff_t last = height - 1;
  for (int x = 0; x < width; ++x) {
    std::uint16_t* column = pixels + 4 * std::ptrdiff_t{x};
    spread_along({column, marks.data() + x, stride, width, height});
    spread_along(
        {column + last * stride, marks.data() + x + last * width, -stride, -width, height});
  }
}

}  // namespace posefleet::av

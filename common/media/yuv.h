// A picture as decoders give it and encoders take it: three planes of 8-bit samples, brightness in
// full size, two colour differences that are often smaller.
//
// Drawing happens in these planes directly: a way through RGB and back costs 8 ms a 720p frame and
// changes every pixel a little, also those that nothing was drawn on.
//
// Plain pointers on purpose, so that the rasteriser needs no FFmpeg. The planes belong to whoever
// made the struct and must outlive each call that takes it; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace posefleet {

// How red, green and blue make brightness: ITU-R BT.601, BT.709 or BT.2020 (non-constant
// luminance).
enum class ColourMatrix : std::uint8_t { Bt601, Bt709, Bt2020 };

struct YuvPlanes {
  std::uint8_t* data[3] = {};     // Y, U (Cb), V (Cr); first row first
  std::ptrdiff_t stride[3] = {};  // bytes from a row to the next; may be negative
  int width = 0;                  // of Y, pixels
  int height = 0;
  // A chroma plane has ceil(width / 2^chroma_shift_x) columns and ceil(height / 2^chroma_shift_y)
  // rows: (1, 1) is 4:2:0, (1, 0) is 4:2:2, (0, 0) is 4:4:4.
  int chroma_shift_x = 1;
  int chroma_shift_y = 1;
  ColourMatrix matrix = ColourMatrix::Bt709;
  bool full_range = false;  // Y in 0..255 rather than 16..235

  int chroma_width() const { return (width + (1 << chroma_shift_x) - 1) >> chroma_shift_x; }
  int chroma_height() const { return (height + (1 << chroma_shift_y) - 1) >> chroma_shift_y; }
};

}  // namespace posefleet

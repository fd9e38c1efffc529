// The planes of a picture as video codecs keep them, for code that draws straight into them.
//
// Plain types without FFmpeg: the renderer includes this and nothing else of the folder. Drawing in
// YUV leaves every untouched pixel exact; a trip through RGB and back would change the whole frame
// and costs more than the drawing.
#pragma once

#include <cstddef>
#include <cstdint>

namespace posefleet {

// Which weights of red, green and blue make the luma.
enum class ColourMatrix : std::uint8_t { Bt601, Bt709, Bt2020 };

// Of 8 bits. Full: 0..255 in all planes. Limited: luma 16..235, chroma 16..240. With more bits,
// limited times 2^(depth - 8); full up to 2^depth - 1.
enum class ColourRange : std::uint8_t { Limited, Full };

// Three planes: Y, U (Cb), V (Cr). A sample is a byte; where `depth` is above 8, two bytes in the
// machine's order, the value in the lower bits. Rows from top to bottom in stored orientation.
// Points into a VideoFrame and is valid as long as that lives and is not moved from.
struct YuvPlanes {
  std::uint8_t* data[3] = {nullptr, nullptr, nullptr};
  std::ptrdiff_t stride[3] = {0, 0, 0};  // bytes from one row to the next
  int width = 0;                         // of the luma plane, pixels
  int height = 0;
  int depth = 8;  // bits of a sample, at most 16
  // log2 of how many luma pixels share one chroma sample: 1,1 for 4:2:0; 1,0 for 4:2:2; 0,0 for
  // 4:4:4. The last chroma sample of an odd size covers one luma pixel, hence the ceiling below.
  int chroma_shift_x = 1;
  int chroma_shift_y = 1;
  ColourMatrix matrix = ColourMatrix::Bt601;
  ColourRange range = ColourRange::Limited;

  int sample_bytes() const { return depth > 8 ? 2 : 1; }
  int chroma_width() const { return (width + (1 << chroma_shift_x) - 1) >> chroma_shift_x; }
  int chroma_height() const { return (height + (1 << chroma_shift_y) - 1) >> chroma_shift_y; }
};

// Red, green, blue and opacity, 16 bits each, for bodies without what is behind them. Colours are
// straight, not multiplied by the opacity, since that is what ProRes 4444, VP9 and PNG store.
struct RgbaPlane {
  std::uint16_t* data = nullptr;
  std::ptrdiff_t stride = 0;  // samples from one row to the next
  int width = 0;              // pixels
  int height = 0;
};

}  // namespace posefleet

// Frames that own their bytes, for drawing on in tests.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/random.h"
#include "worker/render/rasteriser.h"

namespace posefleet::tests {

// A BGR picture of one colour.
struct Picture {
  int width, height;
  std::vector<std::uint8_t> bytes;

  Picture(int w, int h, std::uint8_t value = 0)
      : width(w), height(h), bytes(3 * static_cast<std::size_t>(w) * h, value) {}

  BgrPicture view() { return {bytes.data(), 3 * std::ptrdiff_t{width}, width, height}; }
  const std::uint8_t* at(int x, int y) const {
    return &bytes[3 * (static_cast<std::size_t>(y) * width + x)];
  }
  int blue(int x, int y) const { return at(x, y)[0]; }
  int green(int x, int y) const { return at(x, y)[1]; }
  int red(int x, int y) const { return at(x, y)[2]; }
};

// YUV planes full of noise, with rows that are longer than the picture.
struct Frame {
  static constexpr int kPadding = 13;
  std::vector<std::uint8_t> bytes[3];
  YuvPlanes planes;

  Frame(int width, int height, int shift_x, int shift_y, std::uint64_t seed) {
    planes.width = width;
    planes.height = height;
    planes.chroma_shift_x = shift_x;
    planes.chroma_shift_y = shift_y;
    planes.matrix = ColourMatrix::Bt709;
    Random random(seed);
    for (int i = 0; i < 3; ++i) {
      const int columns = i == 0 ? width : planes.chroma_width();
      const int rows = i == 0 ? height : planes.chroma_height();
      planes.stride[i] = columns + kPadding;
      bytes[i].resize(static_cast<std::size_t>(planes.stride[i]) * rows);
      for (std::uint8_t& byte : bytes[i]) byte = static_cast<std::uint8_t>(random.below(256));
      planes.data[i] = bytes[i].data();
    }
  }
  Frame(const Frame&) = delete;  // `planes` points into `bytes`

  std::uint8_t at(int plane, int x, int y) const {
    return bytes[plane][static_cast<std::size_t>(planes.stride[plane]) * y + x];
  }
};

// Light from everywhere alike: a body is one flat colour.
inline Look flat_look() {
  Look look;
  look.ambient = 1;
  return look;
}

inline Rasteriser rasteriser(int samples = 4, CpuPath path = CpuPath::Best) {
  return Rasteriser::create({.samples = samples, .path = path}).value();
}

inline Rasteriser flat_rasteriser(int samples = 4) {
  return Rasteriser::create({.samples = samples, .look = flat_look()}).value();
}

}  // namespace posefleet::tests

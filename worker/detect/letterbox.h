// From a frame to a detector's square input, and from the input's pixels back to the frame's.
//
// The arithmetic is that of the pictures the detectors were trained on: the new size and the
// borders rounded as their exporters do, the picture resized as OpenCV's INTER_LINEAR does 8-bit
// pictures (weights of 1/2048, no smoothing before shrinking). A detector notices the difference
// in scores near the threshold.
//
// Pure; calls for different frames may run side by side.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "worker/detect/network.h"
#include "worker/model/crop.h"

namespace posefleet {

// Where the resized frame lies in the square. A value.
struct InputGeometry {
  int side = 0;   // of the square, pixels
  int width = 0;  // of the resized frame
  int height = 0;
  int left = 0;  // empty columns before it; those behind it follow
  int top = 0;
  double scale_x = 1;  // input pixels per frame pixel
  double scale_y = 1;

  bool operator==(const InputGeometry&) const = default;
};

// `frame_width` and `frame_height` of at least 1.
InputGeometry input_geometry(int frame_width, int frame_height, int side, DetectorResize resize);

// x0, y0, x1, y1 in input pixels to frame pixels, cut at the frame's edges.
std::array<float, 4> to_frame(const std::array<float, 4>& box, const InputGeometry& geometry,
                              int frame_width, int frame_height);

// 8-bit BGR, `width` x `height`, no padding between rows.
std::vector<std::uint8_t> resized(const BgrView& picture, int width, int height);

// Writes (3, side, side): RGB, rows from the top, (p / 255 - mean) / deviation. The border is grey,
// 114, before the normalisation. `out` holds 3 * side * side numbers.
void make_input(const BgrView& picture, const InputGeometry& geometry, const DetectorTraits& traits,
                std::span<float> out);

}  // namespace posefleet

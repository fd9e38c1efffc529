// From a frame and a person's box to the 256x256 picture that the network was trained on, bit for
// bit as the reference pipeline makes it.
//
// The steps are those of OpenCV's classic warpAffine and SciPy's gaussian filter, in the very order
// of their roundings: positions quantised to 1/32 pixel, large boxes blurred in double before they
// are shrunk. A network sees the difference, and equal bytes are the only comparison that leaves no
// room for "close enough". The reference blurs the whole frame; here only the rows and columns that
// the crop samples are computed, which gives the same bytes for a tenth of the work.
//
// No state and no threads: calls for different people may run side by side.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "common/base/result.h"
#include "common/model_folder/model_folder.h"
#include "common/protocol/poses.h"

namespace posefleet {

inline constexpr int kCropSide = 256;  // pixels
inline constexpr std::size_t kCropFloats = std::size_t{3} * kCropSide * kCropSide;

// An 8-bit picture in somebody else's memory, channels in the order blue, green, red.
struct BgrView {
  const std::uint8_t* pixels = nullptr;
  int width = 0;
  int height = 0;
  std::ptrdiff_t stride = 0;  // bytes from a row to the next

  const std::uint8_t* row(int y) const { return pixels + y * stride; }
};

// Which square of the frame becomes the crop.
struct CropGeometry {
  std::array<float, 2> center{};  // of the box, frame pixels
  double size = 0;                // side of the square, frame pixels
  // 2x3, row-major: frame pixel -> crop pixel. Integers are pixel centres.
  std::array<double, 6> affine{};

  bool operator==(const CropGeometry&) const = default;
};

// What turns 0..255 into the network's numbers: (p - offset) / scale per channel, RGB.
struct CropNormalisation {
  std::array<float, 3> offset{};
  std::array<float, 3> scale{};

  bool operator==(const CropNormalisation&) const = default;
};

// 255 times the manifest's mean and deviation. An error when one is missing, not finite, or a
// deviation is not positive.
Result<CropNormalisation> crop_normalisation(const Manifest& manifest);

// Width and height, pixels, after the shorter one was enlarged to the network's 192:256.
std::array<double, 2> widened_to_crop(float width, float height);

// Refuses boxes that are not finite, empty, out of the frame, or so large that the person would be
// a few pixels: see kSquareMax in crop.cc.
Result<CropGeometry> crop_geometry(const PersonBox& box, int frame_width, int frame_height);

// Standard deviation in pixels of the blur before the crop is taken; 0 for none.
double blur_sigma(const CropGeometry& geometry);

// Writes (3,256,256), RGB, rows from the top. `geometry` must come from crop_geometry for a frame
// of this size, `out` must hold kCropFloats.
void make_crop(const BgrView& frame, const CropGeometry& geometry,
               const CropNormalisation& normalisation, std::span<float> out);

// For messages: "box 10.0,20.0,30.0,40.0".
std::string to_text(const PersonBox& box);

}  // namespace posefleet

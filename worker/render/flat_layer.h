// Flat shapes over a frame: lines, discs, rectangles and written words, with smooth edges.
//
// They go the way that drawn bodies go: summed up band by band as colour times coverage, then
// blended into the planes by the same sink. So a shape's colour is right in every pixel format, and
// pixels that no shape touches keep their bytes. How much of a pixel a shape covers is estimated by
// the distance of its edge from the pixel's middle, which is exact enough for straight edges longer
// than a pixel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/base/result.h"
#include "common/media/yuv.h"
#include "worker/render/rasteriser.h"

namespace posefleet {

// As a screen shows it (not linear light), 0..1.
struct FlatColour {
  float r = 1, g = 1, b = 1;
  float opacity = 1;
};

struct PixelPoint {
  float x = 0, y = 0;  // pixels; the middle of the first pixel is 0.5, 0.5
};

// How much of each pixel is covered, 0..255, rows of `width`. Borrowed until the layer is drawn.
struct CoverageMask {
  std::span<const std::uint8_t> coverage;
  int width = 0;
  int height = 0;
};

// Owned by one thread. Shapes lie over each other in the order in which they were added. Shapes
// with numbers that are not finite, or farther out than a million pixels, are left out.
class FlatLayer final {
 public:
  FlatLayer();
  ~FlatLayer();
  FlatLayer(FlatLayer&&) noexcept;
  FlatLayer& operator=(FlatLayer&&) noexcept;

  void clear();
  bool is_empty() const;
  // With round ends. `width` in pixels; thinner than one pixel is paler.
  void add_line(const PixelPoint& from, const PixelPoint& to, float width,
                const FlatColour& colour);
  void add_disc(const PixelPoint& centre, float radius, const FlatColour& colour);
  void add_box(const PixelPoint& top_left, const PixelPoint& bottom_right,
               const FlatColour& colour);
  // Its top left corner at a whole pixel.
  void add_mask(const CoverageMask& mask, int x, int y, const FlatColour& colour);

  // Blends all shapes into the frame. Rejected, with nothing drawn, where Rasteriser::draw would.
  Status draw(const YuvPlanes& frame);
  Status draw(const BgrPicture& picture);
  Status draw(const RgbaPlane& picture);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace posefleet

// Where drawn bands go: YUV planes, a BGR picture, or a transparent one.
//
// Internal to worker/render. A sink lives for one draw call and borrows the picture and its
// scratch.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "worker/render/kernels.h"
#include "worker/render/rasteriser.h"

namespace posefleet::render {

inline constexpr int kFrameSizeMax = 16384;

Status check_frame(const YuvPlanes& frame);
Status check_frame(const BgrPicture& picture);
Status check_frame(const RgbaPlane& picture);

class Sink {
 public:
  virtual ~Sink() = default;
  // Blends columns x_first[row] to x_last[row] (inside the frame; none where first > last) of each
  // row of the band. The band begins at an even row and holds an even number of rows, but for the
  // last row of an odd frame.
  virtual void blend(const BandBuffer& band, const int* x_first, const int* x_last) = 0;
};

class YuvSink final : public Sink {
 public:
  YuvSink(const YuvPlanes& frame, const Kernels& kernels, std::vector<float>& scratch);
  void blend(const BandBuffer& band, const int* x_first, const int* x_last) override;

 private:
  // `x` and `count` in samples of the plane.
  void blend_row(const float* colour, int plane, int row, int x, int count);
  void blend_chroma_row(const BandBuffer& band, int row, int row_count, int x_first, int x_last);

  const YuvPlanes frame_;
  const Kernels& kernels_;
  std::vector<float>& line_;  // one chroma row of premultiplied colour
  PlaneWeights weights_[3];
};

// Sets what is drawn on, instead of blending.
class RgbaSink final : public Sink {
 public:
  explicit RgbaSink(const RgbaPlane& picture) : picture_(picture) {}
  void blend(const BandBuffer& band, const int* x_first, const int* x_last) override;

 private:
  const RgbaPlane picture_;
};

class BgrSink final : public Sink {
 public:
  BgrSink(const BgrPicture& picture, const Kernels& kernels)
      : picture_(picture), kernels_(kernels) {}
  void blend(const BandBuffer& band, const int* x_first, const int* x_last) override;

 private:
  const BgrPicture picture_;
  const Kernels& kernels_;
};

}  // namespace posefleet::render

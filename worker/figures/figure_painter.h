// Draws a frame's people in the style that a job asks for.
//
// A style is put together from three things: what the ground is (the picture, or a plain colour),
// how bodies are turned and lit, and what lines and words lie over them. The ground is there before
// anybody is drawn, so that the encoder, the size and the untouched pixels follow from the style
// alone, whether somebody is in the frame or not.
#pragma once

#include <cstdint>
#include <memory>
#include <variant>

#include "common/base/result.h"
#include "common/body/body_model.h"
#include "common/body/camera.h"
#include "common/media/yuv.h"
#include "common/protocol/draw_settings.h"
#include "common/protocol/poses.h"

namespace posefleet {

struct FigureFrame {
  const FramePoses* poses = nullptr;
  // Poses of the frames before, oldest first, ending with the one just before; as many as
  // trail_frames() asks for and the film has.
  const RangePoses* before = nullptr;
  double seconds = 0;        // since the film's first frame; for the caption
  std::uint32_t frames = 0;  // of the film
};

// A frame's planes, or an overlay's: there the plain grounds stay transparent.
using Canvas = std::variant<YuvPlanes, RgbaPlane>;

struct FigureReport {
  std::uint32_t people_skipped = 0;  // whose numbers are not finite, or that the rasteriser refused
};

// Owned by one thread; keep it from frame to frame.
class FigurePainter final {
 public:
  // `body` is shared with others. Rejected when labels or a caption need a font and there is none.
  static Result<FigurePainter> create(std::shared_ptr<const BodyModel> body,
                                      const DrawSettings& settings);
  FigurePainter(FigurePainter&&) noexcept;
  FigurePainter& operator=(FigurePainter&&) noexcept;
  ~FigurePainter();

  // Fills the ground, for styles that do not show the source's picture, then draws. Nobody in the
  // frame is fine. For side-by-side `canvas` is the half that is drawn on.
  Result<FigureReport> paint(const FigureFrame& frame, const Canvas& canvas);

 private:
  class Impl;
  explicit FigurePainter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace posefleet

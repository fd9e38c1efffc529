// One decoded picture of a video, with its time.
//
// Whatever the codec delivered, a VideoFrame holds 8-bit planes in 4:2:0, 4:2:2 or 4:4:4: formats
// outside these (10 bit, RGB, grey, with alpha) are converted to 4:2:0 when decoded, so drawing and
// encoding know three layouts and no more. Pictures lie in stored orientation; turning them upright
// is the player's business, by FrameTable::rotation_quarters.
#pragma once

#include <cstdint>
#include <memory>

#include "common/base/result.h"
#include "common/media/image.h"
#include "common/media/yuv.h"

namespace posefleet {

// Moves through a pipeline and has one owner, hence one thread, at any time. The decoder may still
// refer to the same samples; `planes` therefore copies them when, and only when, that is so.
class VideoFrame final {
 public:
  struct Handle;  // FFmpeg's frame, known inside common/media only
  explicit VideoFrame(std::unique_ptr<Handle> handle);
  VideoFrame(VideoFrame&& other) noexcept;
  VideoFrame& operator=(VideoFrame&& other) noexcept;
  ~VideoFrame();

  // A black frame of another size with the time, format and colours of `like`: the canvas of
  // side-by-side and mesh-only styles.
  static Result<VideoFrame> blank_like(const VideoFrame& like, int width, int height);

  std::int64_t pts() const;  // ticks of the source's time base
  int width() const;         // pixels, stored orientation
  int height() const;

  // For drawing. An unspecified colour matrix is guessed from the height as players do it
  // (720 rows and more: BT.709, fewer: BT.601).
  YuvPlanes planes();

  const Handle& handle() const { return *handle_; }

 private:
  std::unique_ptr<Handle> handle_;
};

// 8-bit BGR of the same size in stored orientation, by the frame's own matrix and range. The same
// on every processor (swscale's bit-exact and accurate paths).
Result<BgrImage> to_bgr(const VideoFrame& frame);

}  // namespace posefleet

// One decoded picture of a video, with its time.
//
// Whatever the codec delivered, a VideoFrame holds planes of Y, U and V in 4:2:0, 4:2:2 or 4:4:4:
// everything else is converted when decoded, so drawing knows three layouts and no more. Chroma
// stays as fine as it is; RGB, grey and odder formats become 4:2:0 (deep RGB 4:4:4). Samples have 8
// bits, or, where the depth is to be kept, 8, 10, 12 or 16. An alpha channel is dropped. Pictures
// lie in stored orientation; turning them upright is the player's business, by
// FrameTable::rotation_quarters.
#pragma once

#include <cstdint>
#include <memory>

#include "common/base/result.h"
#include "common/media/image.h"
#include "common/media/yuv.h"

namespace posefleet {

// How many bits the samples of decoded frames have.
enum class SampleDepth : std::uint8_t { EightBits, AsInSource };

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

  // A wholly transparent frame of the size, time and colours of `like`: the canvas of an overlay.
  static VideoFrame transparent_like(const VideoFrame& like);

  std::int64_t pts() const;  // ticks of the source's time base
  int width() const;         // pixels, stored orientation
  int height() const;

  // For drawing. An unspecified colour matrix is guessed from the height as players do it
  // (720 rows and more: BT.709, fewer: BT.601).
  YuvPlanes planes();
  // Of a transparent frame only, which has no `planes`.
  RgbaPlane rgba();

  const Handle& handle() const { return *handle_; }

 private:
  std::unique_ptr<Handle> handle_;
};

// 8-bit BGR of the same size in stored orientation, by the frame's own matrix and range. The same
// on every processor (swscale's bit-exact and accurate paths).
Result<BgrImage> to_bgr(const VideoFrame& frame);

}  // namespace posefleet

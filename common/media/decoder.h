// Decodes exactly the frames [first, end) of a video, as a decoder that ran from the start would.
//
// Seeking by time lands where the container's index points, which may be behind the wanted frame,
// inside a group of pictures (MPEG-TS: garbage that no flag marks) or at a key frame whose
// followers need earlier pictures (open GOP, intra refresh). So a seek is only a proposal: the
// packet it lands on must be a key packet of the frame table, and the first frame that comes out
// must be the range's. If not, start a key frame earlier, and in the end at the start of the file.
// Frames are told by their presentation time, never by counting: decoders drop and repeat.
//
// Where packets are damaged, what a decoder makes of them depends on what it saw before. So that a
// frame's picture is the same in whatever range it is asked for, frames near damage are decoded
// from a start that follows from the frame alone: three key packets before the one it hangs on. The
// frame's picture is what the decoder gives then; if it gives none, the picture before it, else the
// one after it, else black (docs/decisions/0015-damaged-frames.md).
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "common/base/result.h"
#include "common/media/location.h"
#include "common/media/video_frame.h"
#include "common/protocol/ids.h"
#include "common/protocol/video.h"

namespace posefleet {

struct DecodeOptions {
  // More processes beat codec threads; several threads are for a single video that must come fast.
  int threads = 1;
  // Networks and most players want 8 bits.
  SampleDepth depth = SampleDepth::EightBits;
};

// Owned and called by one thread.
class RangeDecoder final {
 public:
  // `table` must be the one probed from this file. Refuses a range that is empty or ends behind the
  // table. Nothing is decoded yet. Where bytes are fetched, an error of code Retry from here or
  // from next() says that they could not be had.
  static Result<RangeDecoder> open(const VideoLocation& location, const FrameTable& table,
                                   FrameRange range, const DecodeOptions& options = {});
  RangeDecoder(RangeDecoder&& other) noexcept;
  RangeDecoder& operator=(RangeDecoder&&) = delete;
  ~RangeDecoder();

  // The range's next frame, in order, its pts equal to the table's; nothing after the last one. An
  // error ends the range: the pictures change their size, or bytes cannot be had.
  Result<std::optional<VideoFrame>> next();

  // Those of the frames given so far, by their index in the table, whose picture is not or not
  // wholly what was once encoded.
  const std::vector<std::uint32_t>& damaged_frames() const;

 private:
  class Session;
  explicit RangeDecoder(std::unique_ptr<Session> session);
  std::unique_ptr<Session> session_;
};

}  // namespace posefleet

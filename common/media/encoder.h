// Encodes a range of frames as a closed piece of the output's video stream.
//
// Pieces are made by different workers and joined without re-encoding, so all must carry the same
// parameter sets: everything that ends up in them (size, format, rate, time base, colours) comes
// from the settings, the frame table and the frames' format, nothing from the piece itself. One
// thread and what each encoder needs to be repeatable (encoder_choice.h) make the bytes the same on
// every machine.
#pragma once

#include <memory>

#include "common/base/result.h"
#include "common/media/video_frame.h"
#include "common/protocol/video.h"

namespace posefleet {

// Owned and called by one thread: create, add each frame, finish once.
class SegmentEncoder final {
 public:
  // Size, pixel format, colours and pixel shape are taken from `first` (which is not encoded by
  // this: add it too). Samples that the codec cannot hold become the nearest that it can. Sizes
  // that the format cannot hold (odd with 4:2:0) are padded by repeating the last column and row,
  // so the segment may be one pixel larger than the frames. PNG is turned upright.
  static Result<SegmentEncoder> create(const EncodeSettings& settings, const FrameTable& table,
                                       const VideoFrame& first);
  SegmentEncoder(SegmentEncoder&& other) noexcept;
  SegmentEncoder& operator=(SegmentEncoder&&) = delete;
  ~SegmentEncoder();

  // Frames in display order. Refuses another size or format than the first's, and times that do not
  // grow: both would break the joined stream.
  Status add(const VideoFrame& frame);

  // Packets in decode order with the frames' own pts. Refuses a segment without frames.
  Result<EncodedSegment> finish();

 private:
  class State;
  explicit SegmentEncoder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace posefleet

// Private to common/media: that segments, one after the other, are exactly a video's frames in one
// encoding. Whoever joins them asks this first.
#pragma once

#include <cstddef>
#include <string>

#include "common/base/result.h"
#include "common/protocol/video.h"

namespace posefleet::av {

// One owner, one thread. Refers to the table, which must outlive it.
class SegmentChecker final {
 public:
  explicit SegmentChecker(const FrameTable& table) : table_(table) {}

  // The next segment, in order. Refused, naming it by its number: another size than the
  // video's, another codec or parameter sets than the first one's, no key frame at its start, other
  // times than the next frames' of the table. A refused segment is not counted.
  Status accept(const EncodedSegment& segment);
  // That no frame is missing behind the last segment.
  Status finish() const;

  std::size_t frames() const { return frames_; }      // in the segments accepted so far
  std::size_t segments() const { return segments_; }  // accepted so far

 private:
  Status check_format(const EncodedSegment& segment, const std::string& parameter_sets) const;
  Status check_times(const EncodedSegment& segment) const;

  const FrameTable& table_;
  std::size_t frames_ = 0;
  std::size_t segments_ = 0;
  // Of the first segment.
  std::string codec_;
  std::uint32_t width_ = 0;
  std::uint32_t height_ = 0;
  std::string parameter_sets_;
};

}  // namespace posefleet::av

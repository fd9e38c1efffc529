// Which of a video's frames a job is about, as a person says it: so many a second, from here to
// there, at most so many.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/base/result.h"
#include "common/protocol/video.h"

namespace posefleet {

// Times count from the video's first frame; what is absent does not restrict.
struct FrameSelection {
  // Of a video: for each tick of this rate the frame that is shown then; frames are never made up,
  // so a higher rate than the video's selects all. Of pictures in a folder: their rate.
  std::optional<Rational> fps;
  std::optional<std::chrono::microseconds> start;  // the first frame at or after it
  std::optional<std::chrono::microseconds> end;    // no frame at or after it
  std::optional<std::uint32_t> max_frames;         // of those that are left

  bool is_all() const { return !fps && !start && !end && !max_frames; }
  bool operator==(const FrameSelection&) const = default;
};

// "90", "90.5", "1:30.5" or "0:01:30.5": seconds, minutes and seconds, or hours too; at most 1000
// hours. Digits behind the microsecond are refused: times of frames are told apart by them.
Result<std::chrono::microseconds> parse_time(std::string_view text);

// "2", "0.5" or "30000/1001": frames a second, above 0 and at most 1000.
Result<Rational> parse_rate(std::string_view text);

// Rejected when `end` is not behind `start`.
Status check_selection(const FrameSelection& selection);

}  // namespace posefleet

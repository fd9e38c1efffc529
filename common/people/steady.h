// Poses of a film, steadied over time.
//
// A network that sees each picture by itself trembles, and a detector misses somebody for a frame
// or takes a tree for a person in one. What was found shortly before and after says better what is
// true: poses become weighted means over about a tenth of a second, somebody missed for a frame or
// two is filled in, and somebody who appears in no more than two frames with a low score is left
// out.
//
// The result of a frame depends on the frames up to kSteadyMargin before and after it, and on
// nothing else; so it does not matter how a film was cut into ranges, nor who computed them.
//
// Pure, and the same numbers everywhere: sums in double, in a fixed order.
#pragma once

#include <cstdint>
#include <set>

#include "common/protocol/ids.h"
#include "common/protocol/poses.h"

namespace posefleet {

// Frames.
inline constexpr std::uint32_t kSteadyMargin = 10;

// Below that many frames a second, people move too far between two pictures.
inline constexpr double kSteadyRateMin = 10;

struct SteadySettings {
  double frames_per_second = 0;
  std::uint32_t width = 0, height = 0;  // pixels of the frames
  std::uint32_t film_frames = 0;        // of the whole film
  // Where people were named by boxes, nobody is added and nobody left out.
  bool people_are_given = false;
};

// `window`: the frames of [first - kSteadyMargin, end + kSteadyMargin) that exist, in order.
// Returns those of `frames`. Frames in `untouched` keep what they have and give nothing to others.
RangePoses steadied(const RangePoses& window, const FrameRange& frames,
                    const SteadySettings& settings, const std::set<std::uint32_t>& untouched);

}  // namespace posefleet

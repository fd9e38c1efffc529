// Who of one frame is who in the next ones.
//
// People are linked by how much their boxes overlap, frame to frame, and over a gap of up to two
// frames in which a detector missed somebody. A link depends on the frames from its one end to its
// other and on nothing else, so a stretch of film cut anywhere gives the links that the whole film
// gives. Who is who over longer times (a person who leaves and returns) is not asked here.
//
// Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "common/protocol/poses.h"

namespace posefleet {

// A link leads at most so many frames on.
inline constexpr std::uint32_t kLinkFramesMax = 3;

// Somebody in a row of frames: indices into the row and into the frame's people.
struct PersonPlace {
  std::uint32_t frame = 0;
  std::uint32_t person = 0;

  bool operator==(const PersonPlace&) const = default;
};

struct PersonLink {
  bool has_next = false;
  bool has_previous = false;
  PersonPlace next, previous;
};

// Intersection over union of two boxes; 0 where either is empty.
float overlap(const PersonBox& a, const PersonBox& b);

// For each person of each frame. `poses`: frames that follow each other.
std::vector<std::vector<PersonLink>> link_people(const RangePoses& poses);

}  // namespace posefleet

// Removes boxes that show the same person again (non-maximum suppression).
//
// Pure.
#pragma once

#include <vector>

#include "worker/detect/decode.h"

namespace posefleet {

// Area that two boxes share, over the area that they cover together; 0 for empty boxes.
float overlap(const std::array<float, 4>& a, const std::array<float, 4>& b);

// Goes through the candidates in their order and keeps those that overlap no kept one of their
// class by more than `iou`; at most `count_max`. The input must be in the order of is_before.
std::vector<Candidate> without_overlaps(const std::vector<Candidate>& candidates, double iou,
                                        std::size_t count_max);

// The same for boxes from several tiles of a frame, in any order. Boxes that their tile cut come
// last, and go as soon as a kept one covers enough of them: a pair of legs is a small part of the
// whole person, so its overlap with that is low however much it lies inside.
// The result is in the order of is_before; at most kPeopleMax.
std::vector<Candidate> merged_tiles(std::vector<Candidate> candidates, double iou);

}  // namespace posefleet

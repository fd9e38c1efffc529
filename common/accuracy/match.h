// Who of the found people is who of the true people, in one frame.
//
// As detection benchmarks do it (COCO): found people choose in the order of their scores, each the
// true person whose box overlaps its own the most, if by half at least and not taken yet. The
// alternative, the assignment with the largest sum of overlaps, lets a bad box change the partner
// of a good one; here a box is judged by those above it alone.
//
// True people who are too small or too hidden to be asked for are ignored: whether they are found
// or not says nothing. Boxes are compared as far as they lie inside the frame, since a detector
// cannot know how far somebody reaches beyond it.
//
// Pure. Ties go to the lower index, so that equal inputs give equal pairs.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "common/accuracy/truth.h"
#include "common/body/camera.h"
#include "common/protocol/poses.h"

namespace posefleet {

struct MatchOptions {
  double overlap_min = 0.5;  // intersection over union of two boxes that are one person
  // Of the true box, pixels, beyond the frame too: a lower person is ignored. The reference demo
  // passes over people below 100 pixels; at 80 a head is about ten pixels high.
  double height_min = 80;
  // Someone of whom less is seen is ignored; the rest of the body would be a guess.
  double visible_min = 0.3;
};

// Whether somebody is asked for at all.
bool is_counted(const TruePerson& person, const MatchOptions& options);

// Area of both over area of either, inside the frame; 0 where there is no area.
double box_overlap(const PersonBox& a, const PersonBox& b, FrameSize frame);

struct MatchedPair {
  std::size_t true_index = 0;
  std::size_t found_index = 0;

  bool operator==(const MatchedPair&) const = default;
};

// Indices into the people that were given, rising; each true and each found person is in exactly
// one list.
struct FrameMatch {
  std::vector<MatchedPair> pairs;    // by true_index; counted people only
  std::vector<std::size_t> missed;   // true, counted, not found
  std::vector<std::size_t> ignored;  // true, not counted
  std::vector<std::size_t> wrong;    // found, but nobody is there
  std::vector<std::size_t> neither;  // found, and half inside somebody who is ignored
};

FrameMatch match_people(std::span<const TruePerson> truth, std::span<const PersonBox> found,
                        FrameSize frame, const MatchOptions& options);

}  // namespace posefleet

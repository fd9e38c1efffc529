// From a network's raw numbers to the boxes of people, in the pixels of its input.
//
// Exporters lay the same facts out in three ways (DetectorDecoder). The layout is the manifest's
// or follows from the shape, never from a model's name; numbers that the layout cannot hold (a
// score of 7, an infinite corner) are an error rather than boxes, since the usual cause is a wrong
// layout, and the boxes would be wrong in silence.
//
// Pure.
#pragma once

#include <array>
#include <vector>

#include "worker/detect/network.h"

namespace posefleet {

struct Candidate {
  std::array<float, 4> box{};  // x0, y0, x1, y1; input pixels, later frame pixels
  float score = 0;             // 0 to 1
  int class_index = 0;
  bool is_cut = false;  // ends where its tile ends: perhaps a part of somebody (frame_tiles.h)

  bool operator==(const Candidate&) const = default;
};

// Higher scores first; of equal scores the upper, then the left one. The same order whatever the
// network's.
bool is_before(const Candidate& a, const Candidate& b);

// The layout that the manifest names, or that the output's shapes allow. Rejects an output that
// none fits, with its shapes.
Result<DetectorDecoder> layout_of(const RawOutput& output, const DetectorTraits& traits);

struct DecodeOptions {
  int side = 0;     // of the input, pixels
  double conf = 0;  // lower scores are nobody
};

// Boxes whose highest class is one of traits.people, with a score above `conf`, in the order of
// is_before, not more than kCandidatesMax. Overlaps are not looked at.
Result<std::vector<Candidate>> decode_people(const RawOutput& output, DetectorDecoder layout,
                                             const DetectorTraits& traits,
                                             const DecodeOptions& options);

// As many as the tools keep before they remove overlaps.
inline constexpr std::size_t kCandidatesMax = 30'000;

// "(84, 8400) and (300, 6)", for messages.
std::string shapes_text(const RawOutput& output);

}  // namespace posefleet

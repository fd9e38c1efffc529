// How good a detector is on pictures whose people are known, and with which thresholds it is best.
//
// The decoding and the removal of overlaps are those of production (worker/detect), so the figures
// are what users will see.
//
// Pure.
#pragma once

#include <span>
#include <vector>

#include "training/detector/assignment.h"
#include "worker/detect/decode.h"

namespace posefleet::training::detect {

// What was found in one picture before overlaps were removed (in the order of is_before), and who
// is there; pixels of the same square.
struct Finding {
  std::vector<Candidate> candidates;
  std::vector<TruthBox> truth;
};

// A value. Shares of 0 to 1; a found box is right when it overlaps a person by half or more.
struct Quality {
  double conf = 0.25;  // the thresholds that the rest was measured with
  double iou = 0.7;
  double recall = 0;     // of the people
  double precision = 0;  // of the found
  double overlap = 0;    // mean, of those rightly found
  double ap50 = 0;       // area below precision over recall, all thresholds
  double ap75 = 0;       // the same when right means an overlap of 0.75
  int people = 0;

  // One number to compare two networks by: found at all, and found well.
  double score() const { return (ap50 + ap75) / 2; }
  bool operator==(const Quality&) const = default;
};

// With the thresholds given.
Quality measured(std::span<const Finding> findings, double conf, double iou);

// Tries thresholds and takes those with the best harmonic mean of recall and precision.
Quality best_measured(std::span<const Finding> findings);

}  // namespace posefleet::training::detect

// Which places of the grid shall say which person, and with which score: decided anew at each step
// from what the network says now.
//
// A place suits a person when it already says a box much like theirs with a high score; the ten
// best suited learn the person, the others learn that nobody is there. That is the task alignment
// of TOOD (Feng and others 2021). The score to learn is at first the overlap of the place's box
// with the person (as in VarifocalNet, Zhang and others 2021), so scores come to say how good the
// box is. TOOD's own scores, which fall off steeply from the best place, leave nearly all places
// with nothing to learn in the first ten thousand pictures. But they are what a network that knows
// people has to learn next: where two people stand before each other, boxes that share half with
// one of them said so by a score of a half, and came out beside the good ones, or in their stead.
//
// Pure, no LibTorch.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "training/detector/architecture.h"

namespace posefleet::training::detect {

// Somebody in a picture, pixels of the network's input.
struct TruthBox {
  std::array<float, 4> box{};  // x0, y0, x1, y1
  // Hardly visible or tiny: neither finding nor missing them is wrong.
  bool is_ignored = false;

  bool operator==(const TruthBox&) const = default;
};

// What one place learns. A value.
struct PlaceTarget {
  int person = -1;     // index of the person, -1 for nobody
  float score = 0;     // to be said
  float overlap = 0;   // of its box with the person's, now
  bool counts = true;  // false: within an ignored person, nothing is learned

  bool operator==(const PlaceTarget&) const = default;
};

// `numbers` holds five for each point: a box's four (decoded_box) and the score before the sigmoid.
// `sharpness`, 0 to 1: how steeply a person's scores fall off from the best suited place.
std::vector<PlaceTarget> assign_people(std::span<const GridPoint> points,
                                       std::span<const float> numbers,
                                       std::span<const TruthBox> truth, double sharpness);

}  // namespace posefleet::training::detect

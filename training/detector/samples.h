// Makes the pictures that the detector learns from: drawn scenes, as the production path would
// hand them to the network, and worse.
//
// A detector learns what its pictures vary in. So a scene is drawn larger or smaller than needed
// and resized by the very code that resizes frames in production (with its aliasing), windows are
// cut out of it so that people end at the frame's edge, four scenes are set together so that people
// get small, and colours, sharpness and noise vary. Frames come in the usual shapes. Most batches
// hold no more grey border than a multiple of 32 pixels asks for, since learning from grey costs as
// much time as learning from people; the others are whole letterboxed squares.
//
// Pure: a batch follows from the options and its index alone, so batches can be made in any order
// and a run can be taken up again anywhere.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "training/detector/assignment.h"

namespace posefleet::training::detect {

// Somebody in a drawn frame.
struct DrawnPerson {
  std::array<float, 4> box{};  // x0, y0, x1, y1; frame pixels, clipped to the frame
  float visible = 1;           // share of the silhouette that is in the frame and not hidden
};

// Fills `rgb` (3 x width x height, rows from the top) and says who is in it. Equal arguments must
// give equal pictures. An interface as a function: drawn people in a run, rectangles in tests.
using DrawScene = std::function<std::vector<DrawnPerson>(
    std::uint64_t seed, std::uint64_t index, int width, int height, std::span<std::uint8_t> rgb)>;

// Who is seen less than this, or is lower than this after letterboxing, is ignored.
inline constexpr float kVisibleMin = 0.25f;
inline constexpr float kHeightMin = 12;  // pixels

struct BatchOptions {
  std::uint64_t seed = 1;
  int side = 416;  // of the letterbox, pixels
  int count = 8;   // pictures
};

struct Batch {
  int width = 0, height = 0;                 // pixels, multiples of 32
  std::vector<float> pixels;                 // (count, height, width, 3): red, green, blue in 0..1
  std::vector<std::vector<TruthBox>> truth;  // by picture
};

Batch make_batch(const DrawScene& draw, const BatchOptions& options, std::uint64_t index);

}  // namespace posefleet::training::detect

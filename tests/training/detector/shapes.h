// Scenes that are drawn in no time: coloured rectangles stand for people on a cluttered ground.
#pragma once

#include "training/detector/samples.h"

namespace posefleet::tests {

// None to three rectangles, twice as high as wide; about one scene in eight is empty.
std::vector<training::detect::DrawnPerson> draw_shapes(std::uint64_t seed, std::uint64_t index,
                                                       int width, int height,
                                                       std::span<std::uint8_t> rgb);

}  // namespace posefleet::tests

// Small pictures and what can happen to them on the way from a scene to a video file.
//
// Pure; the random numbers are passed in.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "common/base/random.h"
#include "training/detector/samples.h"

namespace posefleet::training::detect {

// 8-bit RGB without gaps between rows, and the people in it.
struct Picture {
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgb;
  std::vector<DrawnPerson> people;  // boxes in this picture's pixels
};

Picture draw_picture(const DrawScene& draw, std::uint64_t seed, std::uint64_t index, int width,
                     int height);

// Resized as production resizes a frame (worker/detect/letterbox.h).
Picture resized_picture(const Picture& picture, int width, int height);

// The window from (x, y). Of those at its edges `visible` shrinks by the part of the box that is
// cut off; those outside are gone.
Picture window_of(const Picture& picture, int x, int y, int width, int height);

// Copies `part` so that its upper left corner comes to (x, y), people too.
void paste(const Picture& part, int x, int y, Picture& onto);

void mirror(Picture& picture);

// Other light, colours and contrast.
void vary_colours(Picture& picture, Random& random);

// Now and then softer, sharper or noisier.
void vary_sharpness(Picture& picture, Random& random);

}  // namespace posefleet::training::detect

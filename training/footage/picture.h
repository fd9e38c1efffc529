// A picture that is being made, and the few ways of filling it.
//
// Eight bits a channel, without edge smoothing: what is drawn here lies behind people or in front
// of them, is blurred more often than not, and must cost little; the people themselves are drawn by
// the rasteriser.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/body/points.h"
#include "training/footage/textures.h"

namespace posefleet::training {

using Tone = std::array<std::uint8_t, 3>;  // red, green, blue as shown

Tone mixed(const Tone& a, const Tone& b, float t);
Tone darker(const Tone& a, float by);  // by 1: the same; also lighter, up to white

// Borrows its memory.
struct Picture {
  std::uint8_t* rgb = nullptr;  // rows of 3 x width bytes
  int width = 0;
  int height = 0;
  // Optional, a byte a pixel: whose silhouette is seen there, 0 for nobody's. Whatever is filled
  // hides what was there.
  std::uint8_t* owner = nullptr;

  std::uint8_t* at(int x, int y) const {
    return rgb + 3 * (static_cast<std::ptrdiff_t>(y) * width + x);
  }
};

// What a shape is filled with: one tone, or two that a texture mixes.
struct Fill {
  Tone a{}, b{};
  const Texture* texture = nullptr;
  float texels_per_pixel = 1;
  float shift_x = 0, shift_y = 0;  // texels
  float opacity = 1;
};

// Top to bottom, and left to right by `slant` times the same change.
void fill_gradient(const Picture& picture, const Tone& top, const Tone& bottom, float slant);
// Corners in pixels, either way round; parts outside the picture are left out. Not convex: rows are
// filled between their outermost edges.
void fill_polygon(const Picture& picture, std::span<const Point2> corners, const Fill& fill);
void fill_ellipse(const Picture& picture, const Point2& centre, const Point2& radii,
                  const Fill& fill);
// Columns x0 to x1 of row y, all inside the picture.
void fill_span(const Picture& picture, int y, int x0, int x1, const Fill& fill);

// Averages over (2 radius + 1) squared pixels; twice is nearly a Gaussian. `scratch` is kept from
// call to call by whoever calls often.
void blur(const Picture& picture, int radius, std::vector<std::uint8_t>& scratch);

}  // namespace posefleet::training

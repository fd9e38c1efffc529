#include "worker/render/styles.h"

namespace posefleet {
namespace {

// Linear light. Chosen so that neighbours in the list are far apart in hue, all are light enough
// for the shading to show, and none is skin, grass or asphalt.
constexpr std::array<Colour, 12> kPalette = {{
    kLightBlue,             // light blue
    {0.88f, 0.36f, 0.20f},  // coral
    {0.36f, 0.70f, 0.28f},  // leaf green
    {0.86f, 0.62f, 0.12f},  // amber
    {0.50f, 0.30f, 0.82f},  // violet
    {0.14f, 0.62f, 0.62f},  // teal
    {0.85f, 0.30f, 0.50f},  // rose
    {0.66f, 0.76f, 0.18f},  // lime
    {0.20f, 0.36f, 0.84f},  // blue
    {0.80f, 0.58f, 0.42f},  // sand
    {0.72f, 0.44f, 0.76f},  // orchid
    {0.40f, 0.80f, 0.62f},  // mint
}};

}  // namespace

Colour person_colour(std::size_t index) {
  return kPalette[index % kPalette.size()];
}

Look whole_frame_look() {
  // pyrender's "raymond" lights: 30 degrees off the camera's axis, a third of a turn apart. In its
  // axes (y up, looking along -z) they lie at (sin 30 cos p, sin 30 sin p, cos 30), p = 0, 120 and
  // 240 degrees; turning by 180 degrees about x negates y and z. The fourth sits at the camera.
  constexpr float kSin30 = 0.5f;
  constexpr float kCos30 = 0.8660254f;
  constexpr float kSin120 = 0.8660254f;
  Look look;
  look.lights = {{
      {{kSin30, 0, -kCos30}, 1},
      {{-0.5f * kSin30, -kSin120 * kSin30, -kCos30}, 1},
      {{-0.5f * kSin30, kSin120 * kSin30, -kCos30}, 1},
      {{0, 0, -1}, 1},
  }};
  return look;
}

}  // namespace posefleet

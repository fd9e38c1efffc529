// What drawn people look like: their colours, the material and the lights.
//
// The model is the whole-frame view of 4D-Humans' demo, since that is the picture its users know:
// a light blue body, matte with a little metal, three lights around the camera's axis, one from the
// camera, and ambient light. pyrender, which draws it there, uses four directional lights; its
// point lights are half a metre from the camera and invisible at a person's distance. We take the
// formula, not the pixels: no white rim and no dark fringe.
#pragma once

#include <array>
#include <cstddef>

namespace posefleet {

// Red, green, blue in 0..1, linear light. The shader ends with the power 1/2.2, so what is seen is
// lighter than what is given.
struct Colour {
  float r = 0, g = 0, b = 0;
  bool operator==(const Colour&) const = default;
};

// 4D-Humans' LIGHT_BLUE.
inline constexpr Colour kLightBlue = {0.65098039f, 0.74117647f, 0.85882353f};

// A colour that stays with a person: the track's number goes in. 0 is light blue; the first twelve
// differ clearly from each other, then they repeat.
Colour person_colour(std::size_t index);

// Light from far away. `to_light` points from the body to the light, in camera axes (x right,
// y down, z forward), and has length 1.
struct DirectionalLight {
  std::array<float, 3> to_light = {0, 0, -1};
  float intensity = 0;
};

inline constexpr int kLightCount = 4;

// Metallic-roughness material of a white base that is then multiplied by the mesh's colour.
struct Look {
  std::array<DirectionalLight, kLightCount> lights;
  float ambient = 0.3f;
  float metallic = 0.2f;
  float roughness = 0.8f;
};

Look whole_frame_look();

}  // namespace posefleet

// Puts dressed people into a picture: light, shadow on the ground, and who is seen where.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/result.h"
#include "training/footage/dice.h"
#include "training/footage/figure.h"
#include "training/footage/picture.h"
#include "worker/render/rasteriser.h"

namespace posefleet::training {

// A plane in camera axes: the points p with dot(up, p) = level.
struct Plane {
  Point3 up{};
  float level = 0;
};

struct Light {
  Point3 to_sun{};    // camera axes, length 1
  float sun = 2;      // intensity as worker/render has it
  float sky = 0.6f;   // from straight above
  float fill = 0.5f;  // from about the camera
  float ambient = 0.3f;
  float shadow = 0;  // 0..1: how dark the ground gets
};

// `up` is the world's, in camera axes.
Light random_light(Dice& dice, const Point3& up);

// Owned by one thread; keeps its memory.
class Painter final {
 public:
  static Painter create();

  void set_light(const Light& light, const Point3& up);

  // Darkens the ground where the figure keeps the sun away.
  void draw_shadow(const Picture& picture, const Dresser& dresser, const Figure& figure,
                   float focal_length, const Plane& ground);

  // The camera's axis meets the picture's middle. Where the figure covers a pixel at least half,
  // the picture's owner becomes `owner`. Returns how many such pixels there are.
  int draw(const Picture& picture, const Dresser& dresser, const Figure& figure, float focal_length,
           std::uint8_t owner);

 private:
  Painter(Rasteriser fine, Rasteriser coarse);

  Rasteriser fine_, coarse_;
  Light light_;
  std::vector<std::uint8_t> coverage_, small_, scratch_;
};

}  // namespace posefleet::training

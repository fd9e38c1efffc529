// What people carry that is no part of their bodies: boards, skis, poles, packs, caps' peaks,
// balls.
//
// A handful of closed shapes of unit size, each put into place by three axes and an origin that
// follow the posed joints. They hide parts of bodies, and reach beyond them, as in real pictures.
#pragma once

#include <array>
#include <vector>

#include "training/footage/body_parts.h"
#include "training/footage/dice.h"
#include "training/footage/geometry.h"
#include "training/footage/outfit.h"
#include "worker/render/rasteriser.h"

namespace posefleet::training {

enum class GearKind { Board, Ski, Pole, Pack, Peak, Hood, Ponytail, Ball, Skirt };

// One thing that somebody has. `side` and the numbers in 0..1 mean what the kind makes of them.
struct GearItem {
  GearKind kind = GearKind::Pack;
  int side = 0;
  std::array<float, 4> manner{};
  std::array<Colour, 2> colours{};  // drawn_colour() of each
};

// Immutable, shared by all figures.
class GearShapes final {
 public:
  static GearShapes make();

  struct Shape {
    MeshTopology topology;
    std::vector<Point3> vertices;  // within a few tenths of -1..1
    std::vector<std::uint8_t> face_paints;
  };
  const Shape& of(GearKind kind) const;

 private:
  GearShapes(Shape board, Shape tube, Shape ball, Shape skirt);
  Shape board_, tube_, ball_, skirt_;
};

// Where the body's joints are and how they are turned, camera axes, before the translation.
struct PosedJointFrames {
  std::array<Point3, kJointCount> places{};
  std::array<Rotation, kJointCount> turns{};
};

// The vertices of the item on the posed body, camera axes, x, y, z each.
std::vector<float> placed_gear(const GearItem& item, const GearShapes::Shape& shape,
                               const PosedJointFrames& joints, const BodyParts& parts,
                               const Point3& translation);

}  // namespace posefleet::training

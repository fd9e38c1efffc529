#include "training/footage/gear.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

namespace posefleet::training {
namespace {

using Shape = GearShapes::Shape;

// A closed surface of rings of `around` vertices from one end to the other, with both ends capped.
class Lathe final {
 public:
  explicit Lathe(int around) : around_(around) {}

  int around() const { return around_; }
  void add(const Point3& vertex) { vertices_.push_back(vertex); }

  // The rings must have been added from the end that lies to the front of their turning direction.
  Shape finish(const std::vector<std::uint8_t>& ring_paints = {}) {
    const int rings = static_cast<int>(vertices_.size()) / around_;
    std::vector<std::uint32_t> faces;
    std::vector<std::uint8_t> paints;
    const auto at = [&](int ring, int i) {
      return static_cast<std::uint32_t>(ring * around_ + i % around_);
    };
    const auto add_face = [&](std::uint32_t a, std::uint32_t b, std::uint32_t c, int ring) {
      faces.insert(faces.end(), {a, b, c});
      paints.push_back(ring_paints.empty() ? 0 : ring_paints[static_cast<std::size_t>(ring)]);
    };
    for (int i = 0; i < around_; ++i) {
      for (int ring = 0; ring + 1 < rings; ++ring) {
        add_face(at(ring, i), at(ring, i + 1), at(ring + 1, i), ring);
        add_face(at(ring, i + 1), at(ring + 1, i + 1), at(ring + 1, i), ring);
      }
      if (i < 2) continue;
      add_face(at(0, 0), at(0, i), at(0, i - 1), 0);
      add_face(at(rings - 1, 0), at(rings - 1, i - 1), at(rings - 1, i), rings - 1);
    }
    return {*MeshTopology::create(faces, vertices_.size()), std::move(vertices_),
            std::move(paints)};
  }

 private:
  int around_;
  std::vector<Point3> vertices_;
};

// Along x from -1 to 1, half a unit of y thick, z from -1 to 1; tips rounded and bent up.
Shape make_board() {
  constexpr int kStations = 17;
  Lathe lathe(8);
  std::vector<std::uint8_t> paints;
  for (int station = 0; station < kStations; ++station) {
    const float x = 2.0f * static_cast<float>(station) / (kStations - 1) - 1;
    const float tip = std::max(std::fabs(x) - 0.8f, 0.0f) / 0.2f;
    const float half = std::sqrt(std::max(1 - tip * tip, 0.02f)) * (0.88f + 0.12f * x * x);
    const float up = 6 * tip * tip;
    // Upper side, edge, lower side, edge.
    constexpr std::array<std::array<float, 2>, 8> kRing = {
        {{-0.9f, 1}, {0, 1}, {0.9f, 1}, {1, 0}, {0.9f, -1}, {0, -1}, {-0.9f, -1}, {-1, 0}}};
    for (const auto& [z, y] : kRing) lathe.add({x, y * 0.5f + up, z * half});
    paints.push_back(std::fabs(x) > 0.35f && std::fabs(x) < 0.7f ? 1 : 0);
  }
  return lathe.finish(paints);
}

// Along y from 0 down to -1, of radius 1 in x and z.
Shape make_tube() {
  Lathe lathe(6);
  std::vector<std::uint8_t> paints;
  for (int ring = 0; ring < 8; ++ring) {
    const bool is_basket = ring == 6;
    for (int i = 0; i < lathe.around(); ++i) {
      const float turn = static_cast<float>(i) / 6 * 360 * kDegree;
      const float radius = is_basket ? 4.0f : ring == 0 ? 1.6f : 1.0f;
      lathe.add({radius * std::cos(turn), -static_cast<float>(ring) / 7, radius * std::sin(turn)});
    }
    paints.push_back(ring == 0 || is_basket ? 1 : 0);
  }
  return lathe.finish(paints);
}

// A ball of radius 1, a little boxy: packs and heads of hair want corners, balls do not mind.
Shape make_ball() {
  Lathe lathe(14);
  constexpr int kRings = 11;
  for (int ring = 0; ring < kRings; ++ring) {
    const float down = (static_cast<float>(ring) + 0.3f) / (kRings - 0.4f) * 180 * kDegree;
    for (int i = 0; i < lathe.around(); ++i) {
      const float turn = static_cast<float>(i) / 14 * 360 * kDegree;
      const Point3 p = {std::sin(down) * std::cos(turn), std::cos(down),
                        std::sin(down) * std::sin(turn)};
      lathe.add(p);
    }
  }
  return lathe.finish();
}

// A cone of height 1 below y = 0, wider at the hem.
Shape make_skirt() {
  Lathe lathe(20);
  for (int ring = 0; ring < 6; ++ring) {
    const float t = static_cast<float>(ring) / 5;
    for (int i = 0; i < lathe.around(); ++i) {
      const float turn = static_cast<float>(i) / 20 * 360 * kDegree;
      const float radius = mix(0.55f, 1, t) * (1 + 0.06f * t * std::cos(5 * turn));
      lathe.add({radius * std::cos(turn), -t, radius * std::sin(turn)});
    }
  }
  return lathe.finish();
}

struct Axes {
  Point3 origin, x, y, z;  // as long as the thing's half sizes
};

Point3 column(const Rotation& turn, int i) {
  return {turn[static_cast<std::size_t>(i)], turn[static_cast<std::size_t>(3 + i)],
          turn[static_cast<std::size_t>(6 + i)]};
}

// Right-handed axes from a main direction and a wish for the second.
Axes axes_of(const Point3& origin, const Point3& x, const Point3& y_wish, const Point3& sizes) {
  const Point3 ux = unit(x);
  const Point3 uy = unit(y_wish - ux * dot(ux, y_wish));
  return {origin, ux * sizes[0], uy * sizes[1], cross(ux, uy) * sizes[2]};
}

Axes board_axes(const GearItem& item, const PosedJointFrames& joints, const BodyParts& parts) {
  const Point3 middle = mix(joints.places[7], joints.places[8], 0.5f);
  Point3 up = column(joints.turns[7], 1) + column(joints.turns[8], 1);
  const Point3 front = column(joints.turns[7], 2) + column(joints.turns[8], 2);
  Point3 across = joints.places[7] - joints.places[8];
  // Feet that are together still stand across the board.
  if (length(across) < 0.08f) across = cross(unit(up), unit(front));
  up = unit(up);
  const Point3 origin = middle - up * (parts.sole_drop + 0.03f) + unit(front) * 0.05f;
  return axes_of(origin, across, up,
                 {mix(0.70f, 0.82f, item.manner[0]), 0.022f, mix(0.12f, 0.155f, item.manner[1])});
}

Axes ski_axes(const GearItem& item, const PosedJointFrames& joints, const BodyParts& parts) {
  const auto ankle = static_cast<std::size_t>(7 + item.side);
  const Rotation& foot = joints.turns[ankle];
  const Point3 front = column(foot, 2), up = column(foot, 1);
  const Point3 origin = joints.places[ankle] - up * (parts.sole_drop + 0.03f) + front * 0.12f;
  return axes_of(origin, front, up, {mix(0.75f, 0.95f, item.manner[0]), 0.018f, 0.045f});
}

Axes pole_axes(const GearItem& item, const PosedJointFrames& joints) {
  const auto hand = static_cast<std::size_t>(22 + item.side);
  const Rotation& trunk = joints.turns[0];
  const Point3 up = column(trunk, 1) * mix(0.6f, 1, item.manner[0]) +
                    column(trunk, 2) * mix(-0.2f, 0.9f, item.manner[1]) +
                    column(trunk, 0) * mix(-0.25f, 0.25f, item.manner[2]);
  const float size = mix(1.0f, 1.25f, item.manner[3]);
  const Axes axes =
      axes_of(joints.places[hand] + unit(up) * 0.12f, up, column(trunk, 0), {size, 0.009f, 0.009f});
  // The tube runs along y.
  return {axes.origin, axes.y, axes.x, axes.z * -1.0f};
}

Axes on_joint(const PosedJointFrames& joints, std::size_t joint, const Point3& offset,
              const Point3& sizes) {
  const Rotation& turn = joints.turns[joint];
  return {joints.places[joint] + turn * offset, column(turn, 0) * sizes[0],
          column(turn, 1) * sizes[1], column(turn, 2) * sizes[2]};
}

Axes axes_for(const GearItem& item, const PosedJointFrames& joints, const BodyParts& parts) {
  const auto& m = item.manner;
  const Point3 head = parts.head_centre - parts.joints[15];
  const Point3& half = parts.head_half;
  switch (item.kind) {
    case GearKind::Board:
      return board_axes(item, joints, parts);
    case GearKind::Ski:
      return ski_axes(item, joints, parts);
    case GearKind::Pole:
      return pole_axes(item, joints);
    case GearKind::Pack:
      return on_joint(joints, 9, {0, mix(-0.02f, 0.06f, m[0]), -mix(0.17f, 0.22f, m[1])},
                      {mix(0.13f, 0.19f, m[2]), mix(0.17f, 0.28f, m[3]), mix(0.08f, 0.14f, m[1])});
    case GearKind::Peak:
      return on_joint(joints, 15, head + Point3{0, 0.42f * half[1], 1.05f * half[2]},
                      {0.85f * half[0], 0.012f, 0.085f});
    case GearKind::Hood:
      return on_joint(joints, 12, {0, mix(0.0f, 0.04f, m[0]), -0.085f},
                      {mix(0.1f, 0.14f, m[1]), mix(0.06f, 0.1f, m[2]), mix(0.06f, 0.09f, m[3])});
    case GearKind::Ponytail:
      return on_joint(joints, 15,
                      head + Point3{0, -0.5f * half[1], -mix(0.85f, 1.1f, m[0]) * half[2]},
                      {mix(0.03f, 0.075f, m[1]), mix(0.1f, 0.2f, m[2]), mix(0.03f, 0.05f, m[3])});
    case GearKind::Ball: {
      const auto hand = static_cast<std::size_t>(22 + item.side);
      const float radius = mix(0.05f, 0.13f, m[0]);
      const Point3 out = unit(joints.places[hand] - joints.places[hand - 4]) * (radius + 0.05f);
      return {joints.places[hand] + out, {radius, 0, 0}, {0, radius, 0}, {0, 0, radius}};
    }
    case GearKind::Skirt:
      return on_joint(joints, 0, {0, 0.10f, 0},
                      {mix(0.25f, 0.33f, m[0]), mix(0.35f, 0.6f, m[1]), mix(0.23f, 0.3f, m[2])});
  }
  return {};
}

}  // namespace

GearShapes::GearShapes(Shape board, Shape tube, Shape ball, Shape skirt)
    : board_(std::move(board)),
      tube_(std::move(tube)),
      ball_(std::move(ball)),
      skirt_(std::move(skirt)) {}

GearShapes GearShapes::make() {
  return {make_board(), make_tube(), make_ball(), make_skirt()};
}

const GearShapes::Shape& GearShapes::of(GearKind kind) const {
  switch (kind) {
    case GearKind::Board:
    case GearKind::Ski:
      return board_;
    case GearKind::Pole:
      return tube_;
    case GearKind::Skirt:
      return skirt_;
    default:
      return ball_;
  }
}

std::vector<float> placed_gear(const GearItem& item, const GearShapes::Shape& shape,
                               const PosedJointFrames& joints, const BodyParts& parts,
                               const Point3& translation) {
  const Axes axes = axes_for(item, joints, parts);
  std::vector<float> vertices;
  vertices.reserve(3 * shape.vertices.size());
  for (const Point3& v : shape.vertices) {
    const Point3 p = axes.origin + axes.x * v[0] + axes.y * v[1] + axes.z * v[2] + translation;
    vertices.insert(vertices.end(), p.begin(), p.end());
  }
  return vertices;
}

}  // namespace posefleet::training

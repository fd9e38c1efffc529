#include "training/body/shape.h"

#include <cstddef>

#include "common/body/joints.h"
#include "training/body/skeleton.h"

namespace posefleet::training {
namespace {

constexpr auto kJoints = static_cast<std::size_t>(kJointCount);

// The bone that a joint carries, along which it lengthens and around which it thickens.
enum class Axis { X, Y, Z };

Axis axis_of(std::size_t joint) {
  if (joint >= 13 && joint != 15) return Axis::X;  // collars, arms, hands
  if (joint == 7 || joint == 8 || joint == 10 || joint == 11) return Axis::Z;  // feet
  return Axis::Y;
}

// What a direction does to one joint's part, per beta: growth as a share of 1 along its bone and
// across it, and for the trunk separately to the side and to the front.
struct Growth {
  double x = 0, y = 0, z = 0;
};
using Growths = std::array<Growth, kJoints>;

void grow_across(Growths& growths, std::size_t joint, double amount) {
  Growth& growth = growths[joint];
  const Axis axis = axis_of(joint);
  if (axis != Axis::X) growth.x += amount;
  if (axis != Axis::Y) growth.y += amount;
  if (axis != Axis::Z) growth.z += amount;
}

void grow_along(Growths& growths, std::size_t joint, double amount) {
  Growth& growth = growths[joint];
  const Axis axis = axis_of(joint);
  (axis == Axis::X ? growth.x : axis == Axis::Y ? growth.y : growth.z) += amount;
}

void grow_all(Growths& growths, std::size_t joint, double amount) {
  growths[joint].x += amount;
  growths[joint].y += amount;
  growths[joint].z += amount;
}

// Both sides of a pair; `left` is the left one's number, the right one's is the next.
template <typename Grow>
void pair(Growths& growths, std::size_t left, Grow grow, double amount) {
  grow(growths, left, amount);
  grow(growths, left + 1, amount);
}

double bone_length(std::size_t from, std::size_t to) {
  return length(kRestJoints[to] - kRestJoints[from]);
}

Growths growths_of(ShapeDirection direction) {
  Growths g{};
  switch (direction) {
    case ShapeDirection::Height:
      for (std::size_t joint = 0; joint < kJoints; ++joint) grow_all(g, joint, 0.065 / 1.72);
      break;
    case ShapeDirection::Build: {
      constexpr double kGirth[kJoints] = {0.085, 0.078, 0.078, 0.1,   0.04, 0.04,  0.09,  0.012,
                                          0.012, 0.075, 0,     0,     0.05, 0.055, 0.055, 0.018,
                                          0.075, 0.075, 0.045, 0.045, 0.02, 0.02,  0.02,  0.02};
      for (std::size_t joint = 0; joint < kJoints; ++joint) grow_across(g, joint, kGirth[joint]);
      break;
    }
    case ShapeDirection::Legs: {
      const double growth = 0.025 / (bone_length(1, 4) + bone_length(4, 7));
      pair(g, 1, grow_along, growth);
      pair(g, 4, grow_along, growth);
      break;
    }
    case ShapeDirection::Arms: {
      const double growth = 0.018 / (bone_length(16, 18) + bone_length(18, 20));
      pair(g, 16, grow_along, growth);
      pair(g, 18, grow_along, growth);
      break;
    }
    case ShapeDirection::Trunk: {
      const double growth = 0.02 / (kRestJoints[12].y - kRestJoints[0].y);
      for (const std::size_t joint : {0u, 3u, 6u, 9u}) grow_along(g, joint, growth);
      break;
    }
    case ShapeDirection::Shoulders:
      pair(g, 13, grow_along, 0.06);
      g[9].x += 0.045;
      g[6].x += 0.02;
      break;
    case ShapeDirection::Hips:
      g[0].x += 0.075;
      g[3].x += 0.025;
      pair(g, 1, grow_across, 0.02);
      break;
    case ShapeDirection::Muscles:
      pair(g, 16, grow_across, 0.065);
      pair(g, 18, grow_across, 0.045);
      pair(g, 1, grow_across, 0.03);
      pair(g, 4, grow_across, 0.035);
      g[9].z += 0.03;
      g[9].x += 0.025;
      g[3].x -= 0.02;
      g[3].z -= 0.03;
      g[12].x += 0.045;
      g[12].z += 0.045;
      break;
    case ShapeDirection::Belly:
      g[3].x += 0.025;
      g[6].x += 0.015;
      break;
    case ShapeDirection::HeadHandsFeet:
      grow_all(g, 15, 0.035);
      pair(g, 20, grow_all, 0.045);
      pair(g, 22, grow_all, 0.045);
      pair(g, 7, grow_all, 0.045);
      pair(g, 10, grow_all, 0.045);
      break;
  }
  return g;
}

Vec grown(const Growth& growth, const Vec& offset) {
  return {growth.x * offset.x, growth.y * offset.y, growth.z * offset.z};
}

// Flesh that is added outwards around a place.
struct Flesh {
  Vec middle;
  double reach;   // metres
  double amount;  // metres per beta
};

std::vector<Flesh> flesh_of(ShapeDirection direction) {
  switch (direction) {
    case ShapeDirection::Build:
      return {{{0, -0.13, 0.09}, 0.2, 0.009}, {{0.09, -0.3, -0.11}, 0.12, 0.005}};
    case ShapeDirection::Muscles:
      return {{{0.085, 0.14, 0.1}, 0.1, 0.006},
              {{0.2, 0.26, -0.02}, 0.09, 0.004},
              {{0.1, -0.45, 0.08}, 0.16, 0.004},
              {{0.1, -0.8, -0.07}, 0.1, 0.003}};
    case ShapeDirection::Belly:
      return {{{0, -0.12, 0.1}, 0.2, 0.025}};
    default:
      return {};
  }
}

}  // namespace

std::string_view name_of(ShapeDirection direction) {
  constexpr std::array<std::string_view, kShapeDirectionCount> kNames = {
      "height",    "build", "legs",    "arms",  "trunk",
      "shoulders", "hips",  "muscles", "belly", "head, hands and feet"};
  return kNames.at(static_cast<std::size_t>(direction));
}

std::vector<Vec> shape_offsets(ShapeDirection direction, const WholeMesh& whole,
                               const std::vector<SkinWeights>& weights,
                               const std::vector<Vec>& normals) {
  const Growths growths = growths_of(direction);
  std::array<Vec, kJoints> moved{};
  moved[0] = kRestJoints[0] * (direction == ShapeDirection::Height ? growths[0].x : 0);
  for (std::size_t joint = 1; joint < kJoints; ++joint) {
    const auto parent = static_cast<std::size_t>(kJointParents[joint]);
    moved[joint] = moved[parent] + grown(growths[parent], kRestJoints[joint] - kRestJoints[parent]);
  }
  const std::vector<Flesh> flesh = flesh_of(direction);
  std::vector<Vec> offsets(whole.mesh.points.size());
  for (std::size_t v = 0; v < offsets.size(); ++v) {
    const Vec& place = whole.mesh.points[v];
    for (std::size_t joint = 0; joint < kJoints; ++joint) {
      if (weights[v][joint] == 0) continue;
      const Vec change = moved[joint] + grown(growths[joint], place - kRestJoints[joint]);
      offsets[v] = offsets[v] + change * weights[v][joint];
    }
    for (const Flesh& piece : flesh) {
      for (const Vec& middle : {piece.middle, mirrored(piece.middle)}) {
        const double share = piece.middle.x == 0 ? 0.5 : 1;
        const double amount = piece.amount * bump(length(place - middle), piece.reach);
        offsets[v] = offsets[v] + normals[v] * (share * amount);
      }
    }
  }
  return offsets;
}

}  // namespace posefleet::training

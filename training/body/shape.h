// The ten ways in which free bodies differ from each other.
//
// A direction is a change of the skeleton (bones grow, joints move apart) and of girths (limbs grow
// around their bones), as an affine map for each joint, blended over the skin by the very weights
// that bend it; and of a few places where flesh lies (belly, chest, muscles). Everything is linear
// by construction, so a beta of 2 is twice a beta of 1, and joints regressed from the changed skin
// lie where the skeleton's formula puts them.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "training/body/half_mesh.h"
#include "training/body/skin.h"

namespace posefleet::training {

// What each beta changes when it grows by 1, which is one standard deviation of grown people, about
// as body measurement surveys have it.
enum class ShapeDirection {
  Height,         // everything in proportion: 6.5 cm of stature
  Build,          // heavier: girths 7 %, the trunk more than the hands
  Legs,           // legs longer: 2.5 cm
  Arms,           // arms longer: 1.8 cm each
  Trunk,          // trunk longer: 2 cm
  Shoulders,      // shoulders wider: 1.3 cm each
  Hips,           // hips wider: 1.3 cm each
  Muscles,        // chest, shoulders, upper arms, thighs, calves thicker, waist narrower
  Belly,          // belly out by 2.5 cm
  HeadHandsFeet,  // larger by 4 %
};
inline constexpr int kShapeDirectionCount = 10;

std::string_view name_of(ShapeDirection direction);

// Metres per beta, for each vertex; the mirror image of the twin's.
std::vector<Vec> shape_offsets(ShapeDirection direction, const WholeMesh& whole,
                               const std::vector<SkinWeights>& weights,
                               const std::vector<Vec>& normals);

}  // namespace posefleet::training

// A body of our own in SMPL's layout, made from formulas alone: no scan, no licensed file.
//
// What HMR2 needs of a body is its joints, its silhouette and that it bends like a person; a
// mannequin has all that. So one can train, test and show the whole program where nobody has
// accepted SMPL's licence. It has our own vertices: numbers of SMPL's vertices mean nothing here,
// and betas are the directions of shape.h, not SMPL's.
//
// The steps: field.h says where the skin is, half_mesh.h covers it with triangles, skin.h ties them
// to the joints, shape.h says how people differ, regressor.h finds the joints from the skin. The
// rest pose and its frame are in skeleton.h.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/body/body_data.h"

namespace posefleet::training {

// Parts of the body as clothes see them.
enum class Region : std::uint8_t {
  Hair,  // the head but for the face: where a cap or hair would be, ears included
  Face,
  Neck,
  Torso,  // from the waist to the neck and the shoulder joints
  Hips,   // from the waist to the hip joints
  UpperArm,
  Forearm,
  Hand,
  Thigh,
  Calf,
  Foot,
};
inline constexpr int kRegionCount = 11;

std::string_view name_of(Region region);

struct VertexRegion {
  Region region = Region::Torso;
  // +1 on the body's left (x > 0), -1 on its right, 0 in the middle plane.
  std::int8_t side = 0;
  // Where along the part, 0 to 1 (clamped): arms and legs from the joint next to the trunk to the
  // next joint, hands and feet to the tips, hips from the waist down to the crotch, the torso from
  // the waist up to the neck, neck and head upwards. It grows evenly, so that a sleeve's or
  // trouser's edge is where it passes a number.
  float along = 0;

  bool operator==(const VertexRegion&) const = default;
};

struct FreeBody {
  BodyData data;
  std::vector<VertexRegion> vertices;  // V
  std::vector<Region> faces;           // F: that of most of its corners
};

// Takes about a second. The same bytes each time and on each processor.
FreeBody build_free_body();
// The same without the regions.
BodyData make_free_body();

}  // namespace posefleet::training

// Which joints a vertex follows, how much, and which part of the body it belongs to.
//
// A joint divides the body into what turns with it and what does not. So each joint has a plane
// across its limb, and a vertex follows the joint by how far it lies beyond: 0 on one side, 1 on
// the other, smooth over a strip about as wide as the limb is thick. A vertex's weight is then what
// a joint has and its children have not taken. In the rest pose limbs lie far apart and along axes,
// so planes with a few gates suffice; distance to the bones, the obvious other, lets the inner
// thighs and the armpits bleed into each other.
#pragma once

#include <array>
#include <vector>

#include "common/protocol/poses.h"
#include "training/body/half_mesh.h"

namespace posefleet::training {

using SkinWeights = std::array<double, kJointCount>;

// For a place on the skin, either side; sums to 1.
SkinWeights skin_weights_at(const Vec& place);

// For each vertex, evened out along the mesh; the same for a vertex and its twin.
std::vector<SkinWeights> skin_weights(const WholeMesh& whole);

}  // namespace posefleet::training

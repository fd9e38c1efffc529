// The network's form of a rotation, six numbers, as a matrix.
//
// Networks learn six numbers better than angles or quaternions: they have no jumps. Two vectors,
// made orthonormal, are two columns of the matrix; the third follows. float32 in the reference's
// order. A pure function.
#pragma once

#include <span>

#include "common/protocol/poses.h"

namespace posefleet {

// The first three numbers are one vector and the last three the other; they become the first two
// COLUMNS (not rows). A vector shorter than 1e-12, or parallel to the other, gives columns near
// zero, as the reference does.
Rotation rotation_from_6d(std::span<const float, 6> six);

}  // namespace posefleet

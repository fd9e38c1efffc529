// Rotations as three numbers: the axis times the angle in radians.
#pragma once

#include <array>

#include "common/protocol/poses.h"

namespace posefleet {

using AxisAngle = std::array<double, 3>;

// Any finite numbers give a rotation; the arithmetic is in double.
Rotation rotation_of(const AxisAngle& axis_angle);

// The angle is 0 to pi. Exact to float32's rounding also near half a turn, where the sum of the
// diagonal says little; a half turn has two axes, and either may come.
AxisAngle axis_angle_of(const Rotation& rotation);

// Whether the rows are at right angles, of length 1 and right-handed, within `tolerance`.
bool is_rotation(const Rotation& rotation, double tolerance);

}  // namespace posefleet

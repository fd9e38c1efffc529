#include "worker/model/rotations.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace posefleet {
namespace {

// Keeps the division finite for a vector of zeros; the reference's value.
constexpr float kNormMin = 1e-12f;

using Vector = std::array<float, 3>;

float dot(const Vector& a, const Vector& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

Vector normalised(const Vector& v) {
  const float length = std::max(std::sqrt(dot(v, v)), kNormMin);
  return {v[0] / length, v[1] / length, v[2] / length};
}

}  // namespace

Rotation rotation_from_6d(std::span<const float, 6> six) {
  const Vector first = normalised({six[0], six[1], six[2]});
  const Vector raw = {six[3], six[4], six[5]};
  const float along = dot(first, raw);
  const Vector second =
      normalised({raw[0] - along * first[0], raw[1] - along * first[1], raw[2] - along * first[2]});
  const Vector third = {first[1] * second[2] - first[2] * second[1],
                        first[2] * second[0] - first[0] * second[2],
                        first[0] * second[1] - first[1] * second[0]};
  return {first[0], second[0], third[0],  //
          first[1], second[1], third[1],  //
          first[2], second[2], third[2]};
}

}  // namespace posefleet

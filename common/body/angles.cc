#include "common/body/angles.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "common/base/check.h"

namespace posefleet {
namespace {

using Vector = std::array<double, 3>;

// Joint numbers of kJointNames; the angle is at the middle one.
constexpr std::array<std::array<std::size_t, 3>, kAngleCount> kTriples = {{
    {1, 4, 7},     // left hip, knee, ankle
    {2, 5, 8},     // right hip, knee, ankle
    {3, 1, 4},     // spine1, left hip, knee
    {3, 2, 5},     // spine1, right hip, knee
    {16, 18, 20},  // left shoulder, elbow, wrist
    {17, 19, 21},  // right shoulder, elbow, wrist
    {12, 16, 18},  // neck, left shoulder, elbow
    {12, 17, 19},  // neck, right shoulder, elbow
    {0, 6, 12},    // pelvis, spine2, neck
}};

double length(const Vector& v) {
  return std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
}

// The C library picks its own by the CPU's instruction set, and results differ in the last bit.
// Only additions, products, quotients and square roots here, which are exact everywhere: halve the
// angle until the series ends quickly. For 0 <= t <= 1; the error is below 1e-16.
double arc_tangent(double t) {
  constexpr int kHalvings = 3;
  for (int i = 0; i < kHalvings; ++i) t = t / (1 + std::sqrt(1 + t * t));
  // Now t <= tan(pi / 32) < 0.1, and the first term left out is t^17 / 17.
  const double square = t * t;
  double sum = 0;
  for (int power = 15; power >= 1; power -= 2) sum = 1.0 / power - square * sum;
  return sum * t * (1 << kHalvings);
}

// Between two directions, by Kahan's formula: the arc cosine of their product loses half of the
// digits for straight limbs, which are the usual ones.
double angle_between(const Vector& a, const Vector& b) {
  const double length_a = length(a);
  const double length_b = length(b);
  if (!(length_a > 0) || !(length_b > 0)) return std::numeric_limits<double>::quiet_NaN();
  Vector sum{};
  Vector difference{};
  for (std::size_t i = 0; i < 3; ++i) {
    sum[i] = a[i] / length_a + b[i] / length_b;
    difference[i] = a[i] / length_a - b[i] / length_b;
  }
  const double far = length(difference);
  const double near = length(sum);
  if (far <= near) return 2 * arc_tangent(far / near);
  return std::numbers::pi - 2 * arc_tangent(near / far);
}

Vector direction(const Point3& from, const Point3& to) {
  return {double{to[0]} - from[0], double{to[1]} - from[1], double{to[2]} - from[2]};
}

}  // namespace

std::array<float, kAngleCount> joint_angles_deg(std::span<const Point3> joints) {
  POSEFLEET_CHECK(joints.size() >= kJointCount);
  std::array<float, kAngleCount> angles{};
  for (std::size_t i = 0; i < kAngleCount; ++i) {
    const auto [first, middle, last] = kTriples[i];
    const double radians = angle_between(direction(joints[middle], joints[first]),
                                         direction(joints[middle], joints[last]));
    angles[i] = static_cast<float>(radians * (180 / std::numbers::pi));
  }
  return angles;
}

}  // namespace posefleet

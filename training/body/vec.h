// Vectors of doubles for building the body: the few operations that formulas of places need.
//
// Only sums, products, quotients and square roots, here and in all of this folder: IEEE 754 fixes
// their results to the last bit, while sines and powers differ between processors and C libraries,
// and the body's bytes must not.
#pragma once

#include <cmath>

namespace posefleet::training {

struct Vec {
  double x = 0, y = 0, z = 0;

  bool operator==(const Vec&) const = default;
};

constexpr Vec operator+(const Vec& a, const Vec& b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z};
}
constexpr Vec operator-(const Vec& a, const Vec& b) {
  return {a.x - b.x, a.y - b.y, a.z - b.z};
}
constexpr Vec operator*(const Vec& a, double s) {
  return {a.x * s, a.y * s, a.z * s};
}
constexpr double dot(const Vec& a, const Vec& b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}
constexpr Vec cross(const Vec& a, const Vec& b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
inline double length(const Vec& a) {
  return std::sqrt(dot(a, a));
}
// Of length 1; the zero vector stays what it is.
inline Vec unit(const Vec& a) {
  const double size = length(a);
  return size > 0 ? a * (1 / size) : a;
}
constexpr Vec mirrored(const Vec& a) {
  return {-a.x, a.y, a.z};
}

// 0 up to `from`, 1 from `to` on, in between a curve whose slope has no step.
constexpr double smooth_step(double from, double to, double value) {
  const double t = (value - from) / (to - from);
  if (t <= 0) return 0;
  if (t >= 1) return 1;
  return t * t * (3 - 2 * t);
}

// 1 at distance 0, 0 from `reach` on, without a step in its slope.
constexpr double bump(double distance, double reach) {
  const double t = distance / reach;
  if (t >= 1) return 0;
  return (1 - t * t) * (1 - t * t);
}

}  // namespace posefleet::training

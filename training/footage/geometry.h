// Arithmetic of directions and turns, in float, for people that are put together by angles.
//
// Angles are degrees here and in all of training/footage, since the tables of what people do are
// read and corrected by eye. A turn about an axis follows the right hand.
#pragma once

#include <array>
#include <cmath>
#include <numbers>

#include "common/body/points.h"
#include "common/protocol/poses.h"

namespace posefleet::training {

inline constexpr float kDegree = std::numbers::pi_v<float> / 180;
inline constexpr Rotation kNoTurn = {1, 0, 0, 0, 1, 0, 0, 0, 1};

inline Point3 operator+(const Point3& a, const Point3& b) {
  return {a[0] + b[0], a[1] + b[1], a[2] + b[2]};
}
inline Point3 operator-(const Point3& a, const Point3& b) {
  return {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
}
inline Point3 operator*(const Point3& a, float s) {
  return {a[0] * s, a[1] * s, a[2] * s};
}
inline float dot(const Point3& a, const Point3& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
inline Point3 cross(const Point3& a, const Point3& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
inline float length(const Point3& a) {
  return std::sqrt(dot(a, a));
}
// Of length 1; the zero vector stays (nearly) zero.
inline Point3 unit(const Point3& a) {
  return a * (1 / (length(a) + 1e-20f));
}

inline Rotation operator*(const Rotation& a, const Rotation& b) {
  Rotation c{};
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) {
      c[3 * i + j] = a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j];
    }
  }
  return c;
}
inline Point3 operator*(const Rotation& a, const Point3& p) {
  return {a[0] * p[0] + a[1] * p[1] + a[2] * p[2], a[3] * p[0] + a[4] * p[1] + a[5] * p[2],
          a[6] * p[0] + a[7] * p[1] + a[8] * p[2]};
}
inline Rotation transposed(const Rotation& a) {
  return {a[0], a[3], a[6], a[1], a[4], a[7], a[2], a[5], a[8]};
}
inline Rotation turn_x(float degrees) {
  const float c = std::cos(degrees * kDegree), s = std::sin(degrees * kDegree);
  return {1, 0, 0, 0, c, -s, 0, s, c};
}
inline Rotation turn_y(float degrees) {
  const float c = std::cos(degrees * kDegree), s = std::sin(degrees * kDegree);
  return {c, 0, s, 0, 1, 0, -s, 0, c};
}
inline Rotation turn_z(float degrees) {
  const float c = std::cos(degrees * kDegree), s = std::sin(degrees * kDegree);
  return {c, -s, 0, s, c, 0, 0, 0, 1};
}
// Its columns are the three vectors.
inline Rotation columns(const Point3& x, const Point3& y, const Point3& z) {
  return {x[0], y[0], z[0], x[1], y[1], z[1], x[2], y[2], z[2]};
}
// What the turn is for a body seen in a mirror that swaps left and right (x).
inline Rotation mirrored(const Rotation& a) {
  return {a[0], -a[1], -a[2], -a[3], a[4], a[5], -a[6], a[7], a[8]};
}

inline float mix(float a, float b, float t) {
  return a + (b - a) * t;
}
inline Point3 mix(const Point3& a, const Point3& b, float t) {
  return a + (b - a) * t;
}
// 0 below a, 1 above b, smooth between.
inline float smooth_step(float a, float b, float x) {
  const float t = std::fmin(std::fmax((x - a) / (b - a), 0.0f), 1.0f);
  return t * t * (3 - 2 * t);
}

}  // namespace posefleet::training

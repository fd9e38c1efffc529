// What one measures on a body: with a tape, or by hand.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "common/body/body_data.h"
#include "common/protocol/poses.h"
#include "training/body/free_body.h"
#include "training/body/vec.h"

namespace posefleet::training {

// Made once for all tests of a program.
inline const FreeBody& free_body() {
  static const FreeBody body = build_free_body();
  return body;
}

using Betas = std::array<float, kBetaCount>;

inline Betas one_beta(std::size_t index, float value) {
  Betas betas{};
  betas.at(index) = value;
  return betas;
}

inline std::vector<Vec> shaped_vertices(const BodyData& body, const Betas& betas) {
  std::vector<Vec> vertices(static_cast<std::size_t>(body.vertex_count()));
  for (std::size_t v = 0; v < vertices.size(); ++v) {
    std::array<double, 3> at{};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      at[axis] = body.v_template[3 * v + axis];
      for (std::size_t beta = 0; beta < kBetaCount; ++beta) {
        at[axis] += double{betas[beta]} * body.shapedirs[(3 * v + axis) * kBetaCount + beta];
      }
    }
    vertices[v] = {at[0], at[1], at[2]};
  }
  return vertices;
}

// Where a row of a regressor puts its joint.
inline Vec regressed(const std::vector<float>& rows, std::size_t row,
                     const std::vector<Vec>& vertices) {
  Vec sum;
  for (std::size_t v = 0; v < vertices.size(); ++v) {
    const double weight = rows[row * vertices.size() + v];
    if (weight != 0) sum = sum + vertices[v] * weight;
  }
  return sum;
}

inline std::vector<Vec> joints_of(const BodyData& body, const std::vector<Vec>& vertices) {
  std::vector<Vec> joints;
  for (std::size_t j = 0; j < kJointCount; ++j) {
    joints.push_back(regressed(body.joint_regressor, j, vertices));
  }
  return joints;
}

inline std::array<std::size_t, 3> corners(const BodyData& body, std::size_t face) {
  return {static_cast<std::size_t>(body.faces[3 * face]),
          static_cast<std::size_t>(body.faces[3 * face + 1]),
          static_cast<std::size_t>(body.faces[3 * face + 2])};
}

inline std::size_t face_count(const BodyData& body) {
  return static_cast<std::size_t>(body.face_count());
}

// Cubic metres; negative if the faces were inside out.
inline double volume(const BodyData& body, const std::vector<Vec>& vertices) {
  double sum = 0;
  for (std::size_t f = 0; f < face_count(body); ++f) {
    const auto [a, b, c] = corners(body, f);
    sum += dot(vertices[a], cross(vertices[b], vertices[c])) / 6;
  }
  return sum;
}

// Each edge once, the smaller vertex first.
inline std::set<std::pair<std::size_t, std::size_t>> edges_of(const BodyData& body) {
  std::set<std::pair<std::size_t, std::size_t>> edges;
  for (std::size_t f = 0; f < face_count(body); ++f) {
    const auto corner = corners(body, f);
    for (std::size_t i = 0; i < 3; ++i) {
      const std::size_t a = corner[i], b = corner[(i + 1) % 3];
      edges.insert({a < b ? a : b, a < b ? b : a});
    }
  }
  return edges;
}

// Largest less smallest y of the vertices.
inline double height(const std::vector<Vec>& vertices) {
  double low = 1e9, high = -1e9;
  for (const Vec& v : vertices) {
    low = v.y < low ? v.y : low;
    high = v.y > high ? v.y : high;
  }
  return high - low;
}

// How often a closed surface goes around a place: 1 inside, 0 outside.
inline double times_around(const BodyData& body, const std::vector<Vec>& vertices,
                           const Vec& place) {
  double angle = 0;
  for (std::size_t f = 0; f < face_count(body); ++f) {
    const auto [i, j, k] = corners(body, f);
    const Vec a = vertices[i] - place, b = vertices[j] - place, c = vertices[k] - place;
    const double la = length(a), lb = length(b), lc = length(c);
    // Van Oosterom and Strackee 1983.
    angle += 2 * std::atan2(dot(a, cross(b, c)),
                            la * lb * lc + dot(a, b) * lc + dot(b, c) * la + dot(c, a) * lb);
  }
  return angle / (4 * 3.14159265358979323846);
}

}  // namespace posefleet::training

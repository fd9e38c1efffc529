#include "tests/support/mannequin.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace posefleet::tests {
namespace {

using Vector = std::array<double, 3>;

// A tube with round ends: its radius goes from that of `from` to that of `to`; across, it is an
// ellipse that is `flatness` times as deep (z) as wide.
struct Part {
  Vector from, to;
  double radius_from, radius_to;
  double flatness = 1;
};

const std::vector<Part>& parts() {
  static const std::vector<Part> all = [] {
    std::vector<Part> list = {
        {{0, 1.57, 0.01}, {0, 1.63, 0.01}, 0.085, 0.09, 1.1},  // head
        {{0, 1.40, -0.01}, {0, 1.52, 0}, 0.06, 0.052, 1},      // neck
        {{0, 1.02, 0}, {0, 1.32, -0.01}, 0.135, 0.165, 0.65},  // trunk
        {{0, 0.93, 0}, {0, 1.02, 0}, 0.155, 0.14, 0.75},       // hips
    };
    for (const double side : {-1.0, 1.0}) {
      list.push_back({{side * 0.17, 1.38, -0.01}, {side * 0.28, 1.12, -0.02}, 0.058, 0.042});
      list.push_back({{side * 0.28, 1.12, -0.02}, {side * 0.35, 0.88, 0.03}, 0.043, 0.03});
      list.push_back({{side * 0.355, 0.86, 0.035}, {side * 0.37, 0.76, 0.05}, 0.034, 0.026, 0.7});
      list.push_back({{side * 0.085, 0.90, 0}, {side * 0.10, 0.50, 0.01}, 0.088, 0.056});
      list.push_back({{side * 0.10, 0.50, 0.01}, {side * 0.11, 0.09, -0.02}, 0.057, 0.037});
      list.push_back({{side * 0.11, 0.045, -0.02}, {side * 0.13, 0.035, 0.15}, 0.045, 0.034});
    }
    return list;
  }();
  return all;
}

Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

Vector unit(const Vector& v) {
  const double length = std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
  return {v[0] / length, v[1] / length, v[2] / length};
}

void add_vertex(Mannequin& body, const Vector& v) {
  for (const double part : v) body.vertices.push_back(static_cast<float>(part));
}

// Two poles and rings between them. Latitude goes evenly from one pole to the other; the half below
// the middle belongs to one end's ball, the half above to the other's.
void add_part(Mannequin& body, const Part& part, const MannequinDetail& detail) {
  const auto base = static_cast<std::uint32_t>(body.vertex_count());
  const bool is_ball = part.from == part.to;
  const Vector axis =
      is_ball
          ? Vector{0, 1, 0}
          : unit({part.to[0] - part.from[0], part.to[1] - part.from[1], part.to[2] - part.from[2]});
  const Vector side =
      unit(cross(std::abs(axis[2]) < 0.9 ? Vector{0, 0, 1} : Vector{0, 1, 0}, axis));
  const Vector deep = cross(side, axis);
  const auto ring_point = [&](double latitude, double longitude) {
    const bool is_upper = latitude > 0;
    const Vector& centre = is_upper ? part.to : part.from;
    const double radius = is_upper ? part.radius_to : part.radius_from;
    const double along = radius * std::sin(latitude);
    const double across = radius * std::cos(latitude);
    Vector v;
    for (int k = 0; k < 3; ++k) {
      v[k] = centre[k] + along * axis[k] + across * std::cos(longitude) * side[k] +
             across * part.flatness * std::sin(longitude) * deep[k];
    }
    return v;
  };
  const int rings = detail.rings, segments = detail.segments;
  add_vertex(body, ring_point(-std::numbers::pi / 2, 0));
  add_vertex(body, ring_point(std::numbers::pi / 2, 0));
  for (int r = 0; r < rings; ++r) {
    const double latitude = std::numbers::pi * ((r + 1.0) / (rings + 1) - 0.5);
    for (int s = 0; s < segments; ++s) {
      add_vertex(body, ring_point(latitude, 2 * std::numbers::pi * s / segments));
    }
  }
  const auto at = [&](int ring, int segment) {
    return base + 2 + static_cast<std::uint32_t>(ring * segments + segment % segments);
  };
  const auto add_face = [&](std::uint32_t a, std::uint32_t b, std::uint32_t c) {
    body.faces.insert(body.faces.end(), {a, b, c});
  };
  for (int s = 0; s < segments; ++s) {
    add_face(base, at(0, s), at(0, s + 1));
    add_face(base + 1, at(rings - 1, s + 1), at(rings - 1, s));
    for (int r = 0; r + 1 < rings; ++r) {
      add_face(at(r, s), at(r + 1, s), at(r + 1, s + 1));
      add_face(at(r, s), at(r + 1, s + 1), at(r, s + 1));
    }
  }
}

}  // namespace

Mannequin make_mannequin(const MannequinDetail& detail) {
  Mannequin body;
  for (const Part& part : parts()) add_part(body, part, detail);
  return body;
}

Mannequin make_sphere(float radius, const MannequinDetail& detail) {
  Mannequin body;
  add_part(body, {{0, 0, 0}, {0, 0, 0}, radius, radius}, detail);
  return body;
}

std::vector<float> placed(const Mannequin& body, const Placement& placement) {
  // A sphere's middle is at the origin, a body's at half its height.
  double top = 0, bottom = 0;
  for (std::size_t i = 1; i < body.vertices.size(); i += 3) {
    top = std::max<double>(top, body.vertices[i]);
    bottom = std::min<double>(bottom, body.vertices[i]);
  }
  const double middle = 0.5 * (top + bottom);
  const double cos_yaw = std::cos(placement.yaw), sin_yaw = std::sin(placement.yaw);
  const double cos_pitch = std::cos(placement.pitch), sin_pitch = std::sin(placement.pitch);
  const double cos_roll = std::cos(placement.roll), sin_roll = std::sin(placement.roll);
  std::vector<float> out(body.vertices.size());
  for (std::size_t i = 0; i < out.size(); i += 3) {
    const double bx = body.vertices[i], by = body.vertices[i + 1] - middle,
                 bz = body.vertices[i + 2];
    const double tx = cos_yaw * bx + sin_yaw * bz;
    // Half a turn about x: y up becomes y down, and what faced +z faces the camera.
    const double uy = -by;
    const double uz = sin_yaw * bx - cos_yaw * bz;
    const double ty = cos_pitch * uy - sin_pitch * uz;
    const double tz = sin_pitch * uy + cos_pitch * uz;
    out[i] = static_cast<float>(cos_roll * tx - sin_roll * ty + placement.x);
    out[i + 1] = static_cast<float>(sin_roll * tx + cos_roll * ty + placement.y);
    out[i + 2] = static_cast<float>(tz + placement.z);
  }
  return out;
}

}  // namespace posefleet::tests

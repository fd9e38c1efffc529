// A body for drawing tests, made by formulas, so that they need no model.
//
// A head, a trunk and limbs, each a closed surface, that reach into each other where they meet: 16
// parts. With the default counts about as many vertices and triangles as SMPL's.
#pragma once

#include <cstdint>
#include <vector>

namespace posefleet::tests {

struct Mannequin {
  // x, y, z per vertex: metres, y up, facing +z, feet at y = 0, 1.72 tall.
  std::vector<float> vertices;
  // Three indices per triangle, counter-clockwise seen from outside.
  std::vector<std::uint32_t> faces;

  std::size_t vertex_count() const { return vertices.size() / 3; }
};

struct MannequinDetail {
  int rings = 21;     // around each part, end to end
  int segments = 20;  // around each ring
};

Mannequin make_mannequin(const MannequinDetail& detail = {});

// A closed sphere, metres, around the origin.
Mannequin make_sphere(float radius, const MannequinDetail& detail = {});

// Where a body stands in the camera's axes (x right, y down, z forward).
struct Placement {
  double x = 0, y = 0, z = 0;  // of the body's middle (half its height), metres
  double yaw = 0;              // about the upright axis, radians; 0 looks into the camera
  double pitch = 0;            // about the axis to the right, after yaw; a quarter turn: lying
  double roll = 0;             // about the viewing axis, last
};

std::vector<float> placed(const Mannequin& body, const Placement& placement);

}  // namespace posefleet::tests

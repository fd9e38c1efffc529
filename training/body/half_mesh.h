// The mesh of the body's left half, from the formula of its surface.
//
// First a fine mesh that surely has the right connections: tetrahedra of a grid that the surface
// passes through, walked from one to its neighbours. Its triangles are tiny and uneven. So edges
// are split, merged and turned until all are about as long as edge_length_at() wants and most
// vertices have six neighbours, while vertices slide along the surface towards the middle of their
// neighbours (Botsch and Kobbelt 2004). Only the left half is made, and mirrored later: so left and
// right are exactly alike.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "training/body/field.h"

namespace posefleet::training {

using Face = std::array<std::int32_t, 3>;

// Faces counter-clockwise seen from outside. Of a half mesh, exactly the vertices with x == 0 lie
// on its one open border.
struct Mesh {
  std::vector<Vec> points;
  std::vector<Face> faces;
};

// The surface where x >= 0 that hangs together with the skin of the chest; `step` is the grid's, in
// metres, and must be smaller than the narrowest gap between two parts that shall stay apart.
Mesh contour_half(const BodyField& field, double step);

// Edges about edge_length_at() long, all vertices on the skin.
Mesh remesh_half(const BodyField& field, Mesh mesh);

// Both halves: first the left one's vertices in their order, then the mirror images of those with
// x > 0. `twin` of a vertex is its image; of one in the middle, itself.
struct WholeMesh {
  Mesh mesh;
  std::vector<std::int32_t> twin;
};
WholeMesh with_mirror_image(const Mesh& half);

}  // namespace posefleet::training

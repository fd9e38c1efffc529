// Which part of the body, as clothes see it, a vertex or a face belongs to.
#pragma once

#include <vector>

#include "training/body/free_body.h"
#include "training/body/half_mesh.h"

namespace posefleet::training {

std::vector<VertexRegion> vertex_regions(const WholeMesh& whole);
std::vector<Region> face_regions(const std::vector<Face>& faces,
                                 const std::vector<VertexRegion>& vertices);

}  // namespace posefleet::training

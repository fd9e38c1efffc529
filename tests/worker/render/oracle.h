// What should be seen, by the slowest and plainest method: a ray through each pixel's middle
// against each triangle, in double precision. Shares no line and no idea with the rasteriser.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace posefleet::tests {

struct OracleMesh {
  std::span<const float> vertices;       // x, y, z; camera axes, metres
  std::span<const std::uint32_t> faces;  // counter-clockwise seen from outside
};

inline constexpr int kNobody = -1;

// Per pixel, row by row: which mesh is seen, or kNobody. Faces seen from inside, or nearer than
// 0.05 m along the viewing axis, are not there.
std::vector<int> cast_rays(const std::vector<OracleMesh>& meshes, double focal_length, int width,
                           int height);

}  // namespace posefleet::tests

#include "training/footage/surface.h"

#include <algorithm>
#include <cstddef>

#include "common/base/check.h"
#include "training/footage/body_parts.h"
#include "training/footage/figure.h"
#include "training/footage/geometry.h"
#include "training/footage/picture.h"

namespace posefleet::training {
namespace {

constexpr int kCell = 4;  // pixels

// Sums of the faces' normals at each vertex, in the rest pose; only directions matter.
std::vector<Point3> rest_normals(const BodyParts& parts) {
  std::vector<Point3> normals(parts.vertices.size(), Point3{});
  for (const auto& [a, b, c] : parts.faces) {
    const Point3 n = cross(parts.vertices[b].rest - parts.vertices[a].rest,
                           parts.vertices[c].rest - parts.vertices[a].rest);
    for (const std::uint32_t v : {a, b, c}) normals[v] = normals[v] + n;
  }
  return normals;
}

}  // namespace

std::vector<std::uint8_t> surface_labels(const BodyParts& parts) {
  const std::vector<Point3> normals = rest_normals(parts);
  std::vector<std::uint8_t> labels(parts.vertices.size());
  for (std::size_t v = 0; v < labels.size(); ++v) {
    const auto region = static_cast<int>(parts.vertices[v].region);
    // Regions in the middle of the body have no side of their own: there, x decides.
    const bool is_left = parts.vertices[v].rest[0] > 0;
    const bool is_front = normals[v][2] > 0;
    const int part = (region * 2 + (is_left ? 1 : 0)) * 2 + (is_front ? 1 : 0);
    POSEFLEET_CHECK(part < kSurfacePartCount);
    labels[v] = static_cast<std::uint8_t>(kFirstPart + part);
  }
  return labels;
}

SurfaceMap surface_of(const Figure& figure, const std::vector<std::uint8_t>& labels,
                      float focal_length, const Picture& picture, std::uint8_t person) {
  POSEFLEET_CHECK(picture.width == kSurfaceSide * kCell && picture.height == picture.width);
  SurfaceMap map{};
  std::array<float, std::size_t{kSurfaceSide} * kSurfaceSide> nearest;
  nearest.fill(1e9f);
  // A body has several vertices to a cell, so the nearest one says whose surface it is.
  for (std::size_t v = 0; v < labels.size(); ++v) {
    const float depth = figure.skin[3 * v + 2];
    const float x = (focal_length * figure.skin[3 * v] / depth + 128) / kCell;
    const float y = (focal_length * figure.skin[3 * v + 1] / depth + 128) / kCell;
    if (!(x >= 0 && x < kSurfaceSide && y >= 0 && y < kSurfaceSide)) continue;
    const std::size_t cell =
        static_cast<std::size_t>(y) * kSurfaceSide + static_cast<std::size_t>(x);
    if (depth >= nearest[cell]) continue;
    nearest[cell] = depth;
    map[cell] = labels[v];
  }
  for (int y = 0; y < kSurfaceSide; ++y) {
    for (int x = 0; x < kSurfaceSide; ++x) {
      const std::ptrdiff_t middle =
          static_cast<std::ptrdiff_t>(y * kCell + kCell / 2) * picture.width + x * kCell +
          kCell / 2;
      if (picture.owner[middle] == person) continue;
      map[static_cast<std::size_t>(y) * kSurfaceSide + static_cast<std::size_t>(x)] = kNobody;
    }
  }
  return map;
}

}  // namespace posefleet::training

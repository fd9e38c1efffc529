#include "tests/worker/render/oracle.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace posefleet::tests {
namespace {

using Vector = std::array<double, 3>;

Vector minus(const Vector& a, const Vector& b) {
  return {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
}
Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
double dot(const Vector& a, const Vector& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

struct OracleTriangle {
  Vector a, ab, ac;
  int mesh;
};

// Triangles that follow each other in a mesh, and a ball around them that most rays miss.
struct Lump {
  std::vector<OracleTriangle> triangles;
  Vector centre{};
  double radius = 0;
};

constexpr std::size_t kLumpSize = 40;

std::vector<Lump> lumps_of(const std::vector<OracleMesh>& meshes) {
  std::vector<Lump> lumps;
  for (std::size_t m = 0; m < meshes.size(); ++m) {
    const auto vertex = [&](std::uint32_t i) -> Vector {
      const auto& v = meshes[m].vertices;
      return {v[3 * i], v[3 * i + 1], v[3 * i + 2]};
    };
    const auto& faces = meshes[m].faces;
    for (std::size_t first = 0; first < faces.size(); first += 3 * kLumpSize) {
      Lump& lump = lumps.emplace_back();
      const std::size_t end = std::min(faces.size(), first + 3 * kLumpSize);
      for (std::size_t i = first; i < end; ++i) {
        for (int k = 0; k < 3; ++k) {
          lump.centre[k] += vertex(faces[i])[k] / static_cast<double>(end - first);
        }
      }
      for (std::size_t i = first; i < end; i += 3) {
        const Vector a = vertex(faces[i]), b = vertex(faces[i + 1]), c = vertex(faces[i + 2]);
        lump.triangles.push_back({a, minus(b, a), minus(c, a), static_cast<int>(m)});
        for (const Vector& corner : {a, b, c}) {
          const Vector d = minus(corner, lump.centre);
          lump.radius = std::max(lump.radius, std::sqrt(dot(d, d)));
        }
      }
    }
  }
  return lumps;
}

// Depth at which the ray from the origin meets the triangle's front, or infinity.
double hit(const OracleTriangle& t, const Vector& ray) {
  constexpr double kMiss = std::numeric_limits<double>::infinity();
  const Vector normal = cross(t.ab, t.ac);
  const double against = dot(normal, ray);
  if (against >= 0) return kMiss;
  const double depth = dot(normal, t.a) / against;  // the ray's z is 1
  if (depth < 0.05) return kMiss;
  const Vector p = {ray[0] * depth - t.a[0], ray[1] * depth - t.a[1], ray[2] * depth - t.a[2]};
  const double area2 = dot(normal, normal);
  const double u = dot(cross(p, t.ac), normal) / area2;
  const double v = dot(cross(t.ab, p), normal) / area2;
  return u >= 0 && v >= 0 && u + v <= 1 ? depth : kMiss;
}

}  // namespace

std::vector<int> cast_rays(const std::vector<OracleMesh>& meshes, double focal_length, int width,
                           int height) {
  const std::vector<Lump> lumps = lumps_of(meshes);
  std::vector<int> seen;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const Vector ray = {(x + 0.5 - width / 2.0) / focal_length,
                          (y + 0.5 - height / 2.0) / focal_length, 1};
      double nearest = std::numeric_limits<double>::infinity();
      int mesh = kNobody;
      for (const Lump& lump : lumps) {
        const Vector off = cross(lump.centre, ray);
        if (dot(off, off) > lump.radius * lump.radius * dot(ray, ray) * 1.0001) continue;
        for (const OracleTriangle& t : lump.triangles) {
          const double depth = hit(t, ray);
          if (depth < nearest) nearest = depth, mesh = t.mesh;
        }
      }
      seen.push_back(mesh);
    }
  }
  return seen;
}

}  // namespace posefleet::tests

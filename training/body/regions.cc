#include "training/body/regions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "training/body/skeleton.h"
#include "training/body/skin.h"

namespace posefleet::training {
namespace {

double part_between(double from, double to, double value) {
  return std::clamp((value - from) / (to - from), 0.0, 1.0);
}

constexpr double kWaist = -0.10;
// From here on the face is seen from the front: behind it are ears and hair.
constexpr double kHairLine = 0.515;

VertexRegion region_of_head(const Vec& p) {
  const bool is_face = p.y < kHairLine && p.z > 0.03 + 0.5 * std::max(0.0, p.y - 0.47);
  return {is_face ? Region::Face : Region::Hair, 0,
          static_cast<float>(part_between(0.34, kCrown, p.y))};
}

// Of a place on the left half or in the middle.
VertexRegion region_at(const Vec& p, const SkinWeights& weights) {
  const auto joint =
      static_cast<std::size_t>(std::max_element(weights.begin(), weights.end()) - weights.begin());
  const auto made = [](Region region, double along) {
    return VertexRegion{region, 0, static_cast<float>(along)};
  };
  const auto x = [&](std::size_t from, std::size_t to) {
    return part_between(kRestJoints[from].x, kRestJoints[to].x, p.x);
  };
  const auto y = [&](std::size_t from, std::size_t to) {
    return part_between(kRestJoints[from].y, kRestJoints[to].y, p.y);
  };
  switch (joint) {
    case 1:
      return made(Region::Thigh, y(1, 4));
    case 4:
      return made(Region::Calf, y(4, 7));
    case 7:
    case 10:
      return made(Region::Foot, part_between(-0.08, 0.185, p.z));
    case 12:
      return made(Region::Neck, y(12, 15));
    case 15:
      return region_of_head(p);
    case 16:
      return made(Region::UpperArm, x(16, 18));
    case 18:
      return made(Region::Forearm, x(18, 20));
    case 20:
    case 22:
      return made(Region::Hand, part_between(kRestJoints[20].x, 0.885, p.x));
    default:
      break;
  }
  if (p.y < kWaist) return made(Region::Hips, part_between(kWaist, -0.37, p.y));
  return made(Region::Torso, part_between(kWaist, kRestJoints[12].y, p.y));
}

}  // namespace

std::string_view name_of(Region region) {
  constexpr std::array<std::string_view, kRegionCount> kNames = {
      "hair",    "face", "neck",  "torso", "hips", "upper arm",
      "forearm", "hand", "thigh", "calf",  "foot"};
  return kNames.at(static_cast<std::size_t>(region));
}

std::vector<VertexRegion> vertex_regions(const WholeMesh& whole) {
  std::vector<VertexRegion> regions(whole.mesh.points.size());
  for (std::size_t v = 0; v < regions.size(); ++v) {
    const Vec& point = whole.mesh.points[v];
    const Vec left = {std::abs(point.x), point.y, point.z};
    regions[v] = region_at(left, skin_weights_at(left));
    regions[v].side = static_cast<std::int8_t>(point.x > 0 ? 1 : point.x < 0 ? -1 : 0);
  }
  return regions;
}

std::vector<Region> face_regions(const std::vector<Face>& faces,
                                 const std::vector<VertexRegion>& vertices) {
  std::vector<Region> regions;
  for (const Face& face : faces) {
    const auto region = [&](std::size_t i) {
      return vertices[static_cast<std::size_t>(face[i])].region;
    };
    regions.push_back(region(1) == region(2) ? region(1) : region(0));
  }
  return regions;
}

}  // namespace posefleet::training

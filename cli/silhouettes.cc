#include "cli/silhouettes.h"

#include <algorithm>

namespace posefleet::cli {
namespace {

constexpr std::size_t kBytesPerPixel = 3;

}  // namespace

Result<MeshTopology> topology_of(const BodyModel& body) {
  std::vector<std::uint32_t> indices;
  indices.reserve(3 * body.faces().size());
  for (const auto& face : body.faces()) indices.insert(indices.end(), face.begin(), face.end());
  return MeshTopology::create(indices, static_cast<std::size_t>(body.vertex_count()));
}

Result<SilhouetteDrawer> SilhouetteDrawer::create(FrameSize frame) {
  // With one sample a pixel is covered or it is not; the smooth edges of four would need a
  // threshold to say so.
  POSEFLEET_TRY(Rasteriser rasteriser, Rasteriser::create({.samples = 1}));
  return SilhouetteDrawer(std::move(rasteriser), frame);
}

SilhouetteDrawer::SilhouetteDrawer(Rasteriser rasteriser, FrameSize frame)
    : rasteriser_(std::move(rasteriser)), frame_(frame) {
  for (auto& picture : pictures_) {
    picture.resize(kBytesPerPixel * std::size_t{frame.width} * frame.height);
  }
}

Result<std::span<const std::uint8_t>> SilhouetteDrawer::draw(int slot, const MeshTopology& topology,
                                                             std::span<const Point3> vertices,
                                                             const FrameCamera& camera) {
  std::vector<std::uint8_t>& picture = pictures_[slot];
  std::fill(picture.begin(), picture.end(), std::uint8_t{0});
  placed_.clear();
  for (const Point3& vertex : vertices) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      placed_.push_back(vertex[axis] + camera.translation[axis]);
    }
  }
  // White and opaque: ambient light alone makes every covered pixel brighter than 0.
  const Mesh mesh{&topology, placed_, {1, 1, 1}, 1};
  const BgrPicture target{picture.data(),
                          static_cast<std::ptrdiff_t>(kBytesPerPixel * frame_.width),
                          static_cast<int>(frame_.width), static_cast<int>(frame_.height)};
  POSEFLEET_TRY_DO(rasteriser_.draw({&mesh, 1}, {camera.focal_length}, target));
  return std::span<const std::uint8_t>(picture);
}

std::optional<double> SilhouetteDrawer::overlap() const {
  std::uint64_t both = 0;
  std::uint64_t either = 0;
  for (std::size_t at = 0; at < pictures_[0].size(); at += kBytesPerPixel) {
    const bool first = pictures_[0][at] != 0;
    const bool second = pictures_[1][at] != 0;
    both += first && second ? 1 : 0;
    either += first || second ? 1 : 0;
  }
  if (either == 0) return std::nullopt;
  return static_cast<double>(both) / static_cast<double>(either);
}

}  // namespace posefleet::cli

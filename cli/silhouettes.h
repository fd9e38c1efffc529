// A body's outline as a mask of the frame, to see how well two of them cover each other.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "common/base/result.h"
#include "common/body/body_model.h"
#include "common/body/camera.h"
#include "worker/render/rasteriser.h"

namespace posefleet::cli {

// One thread; keeps a picture of the frame's size.
class SilhouetteDrawer final {
 public:
  static Result<SilhouetteDrawer> create(FrameSize frame);

  // The drawer's picture, valid until the next call with the same slot (0 or 1): a pixel whose
  // centre the body covers is not 0. Nothing else hides it; a body that reaches behind the camera
  // is cut off there, as everywhere in this project.
  Result<std::span<const std::uint8_t>> draw(int slot, const MeshTopology& topology,
                                             std::span<const Point3> vertices,
                                             const FrameCamera& camera);

  // Pixels of both over pixels of either slot; nothing where there are none.
  std::optional<double> overlap() const;

 private:
  SilhouetteDrawer(Rasteriser rasteriser, FrameSize frame);

  Rasteriser rasteriser_;
  FrameSize frame_;
  std::vector<std::uint8_t> pictures_[2];  // blue, green, red; rows without padding
  std::vector<float> placed_;              // vertices with the translation added
};

// The triangles of a body model in the rasteriser's form.
Result<MeshTopology> topology_of(const BodyModel& body);

}  // namespace posefleet::cli

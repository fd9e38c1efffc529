// Where a body's joints are, as sums that LibTorch can differentiate: joint rotations and shape in,
// points out.
//
// Only joints, never vertices: 24 points carry nearly all that vertices could teach, for a
// hundredth of the work. Equals the joints of common/body; a test holds the two together.
//
// Shows LibTorch: for this folder and its tests only.
#pragma once

#include <vector>

#include <ATen/ATen.h>

#include "common/body/body_data.h"

namespace posefleet::training {

// Immutable: shared by all threads.
class BodyChain final {
 public:
  explicit BodyChain(const BodyData& body);

  // rotations: (B, 24, 3, 3), joint 0 into camera axes; betas: (B, 10). The 24 joints less the
  // pelvis, (B, 24, 3), metres, camera axes.
  at::Tensor joints(const at::Tensor& rotations, const at::Tensor& betas) const;

  // Where the pelvis of the shaped body lies, (B, 3): turning goes about it, so it stays.
  at::Tensor pelvis(const at::Tensor& betas) const;

 private:
  // Joints that hang equally far from the pelvis are moved together.
  struct Level {
    at::Tensor joints;   // indices
    at::Tensor parents;  // as places within the level before
  };

  at::Tensor rest_;        // (24, 3)
  at::Tensor directions_;  // (10, 72)
  std::vector<Level> levels_;
  at::Tensor order_;  // from level order to joint order
  at::Tensor parents_;
};

// Crop units (samples.h place_in_crop) of points (B, N, 3) under cameras (B, 3).
at::Tensor places_in_crop(const at::Tensor& points, const at::Tensor& camera);

}  // namespace posefleet::training

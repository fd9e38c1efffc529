// From the frames and boxes of a range to the poses of its people: crop, network, cameras.
//
// A network is faster on several crops at once, and frames hold one person or twenty, so batches
// are cut from the sequence of all people of the range, across frames. A full batch runs at once;
// the rest runs at the end.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/body/camera.h"
#include "worker/model/crop.h"
#include "worker/model/model.h"

namespace posefleet {

// What the numbers in and out of a network mean; from the model's manifest.
struct EstimatorSettings {
  CropNormalisation normalisation;
  double focal_length = 5000;  // of the 256-pixel crop, pixels
};

Result<EstimatorSettings> estimator_settings(const Manifest& manifest);

// One range, one use: add its frames in rising order, then finish. Belongs to one thread; the model
// must outlive it. After an error it is of no further use.
class RangeEstimator final {
 public:
  RangeEstimator(PoseModel& model, const EstimatorSettings& settings);
  RangeEstimator(const RangeEstimator&) = delete;
  RangeEstimator& operator=(const RangeEstimator&) = delete;

  // `frame` counts in the source's frame table; the picture is not needed after the call. Errors
  // name frame, person and box.
  Status add_frame(std::uint32_t frame, const BgrView& picture, std::span<const PersonBox> boxes);

  // Runs what is left. All frames that were added, those without people too.
  Result<RangePoses> finish();

 private:
  // A crop that waits for its batch.
  struct Pending {
    std::size_t frame_place;   // in poses_
    std::size_t person_place;  // in that frame
    CropGeometry geometry;
    FrameSize frame_size;
  };

  Status run_batch();
  Status store(const Pending& pending, const NetworkOutput& output);

  PoseModel& model_;
  EstimatorSettings settings_;
  RangePoses poses_;
  std::vector<Pending> pending_;
  std::vector<float> crops_;  // batch_size crops
};

}  // namespace posefleet

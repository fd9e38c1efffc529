// From the frames and boxes of a range to the poses of its people: crop, network, cameras.
//
// A network is faster on several crops at once, and frames hold one person or twenty, so batches
// are cut from the sequence of all people of the range, across frames. The two halves of that work
// share nothing but the batches that pass from one to the other, so that one thread can cut crops
// while another runs the network.
#pragma once

#include <cstdint>
#include <functional>
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

// Whose crop it is, and where in the frame it was cut.
struct CropPlace {
  std::size_t frame_place;   // among the range's frames
  std::size_t person_place;  // in that frame
  CropGeometry geometry;
  FrameSize frame_size;
};

// Crops for one call of the network. Has one owner at a time.
struct CropBatch {
  // The frames that were begun since the batch before, their people with boxes only.
  std::vector<FramePoses> frames;
  std::vector<CropPlace> places;  // as many as crops
  std::vector<float> crops;       // kCropFloats each
};

// The first half: cuts crops and fills batches. One range, one use, one thread.
class CropBatcher final {
 public:
  // What becomes of a full batch; an error ends the range.
  using Take = std::function<Status(CropBatch)>;

  CropBatcher(int batch_size, const CropNormalisation& normalisation)
      : batch_size_(static_cast<std::size_t>(batch_size)), normalisation_(normalisation) {}

  // Frames in rising order. `frame` counts in the source's frame table; the picture is not needed
  // after the call. Errors name frame, person and box.
  Status add_frame(std::uint32_t frame, const BgrView& picture, std::span<const PersonBox> boxes,
                   const Take& take);
  // What is left; it may hold frames without crops, or nothing at all.
  CropBatch finish() { return std::move(batch_); }

 private:
  std::size_t batch_size_;
  CropNormalisation normalisation_;
  std::size_t frames_ = 0;
  std::uint32_t last_frame_ = 0;
  CropBatch batch_;
};

// The second half: runs batches and gathers poses. One range, one use, one thread.
class PoseCollector final {
 public:
  // As PoseModel::run: the crops of a batch, and how many they are.
  using Run = std::function<Result<std::vector<NetworkOutput>>(std::span<const float>, int)>;

  PoseCollector(Run run, double focal_length) : run_(std::move(run)), focal_length_(focal_length) {}

  // Batches in the order in which they were cut. Errors name frame, person and box.
  Status add(CropBatch batch);
  // All frames of the batches, those without people too.
  RangePoses finish() { return std::move(poses_); }

 private:
  Status store(const CropPlace& place, const NetworkOutput& output);

  Run run_;
  double focal_length_;
  RangePoses poses_;
};

// Both halves on one thread. The model must outlive it. After an error it is of no further use.
class RangeEstimator final {
 public:
  RangeEstimator(PoseModel& model, const EstimatorSettings& settings);
  RangeEstimator(const RangeEstimator&) = delete;
  RangeEstimator& operator=(const RangeEstimator&) = delete;

  // As CropBatcher::add_frame; a full batch runs at once.
  Status add_frame(std::uint32_t frame, const BgrView& picture, std::span<const PersonBox> boxes);

  // Runs what is left.
  Result<RangePoses> finish();

 private:
  CropBatcher batcher_;
  PoseCollector collector_;
};

}  // namespace posefleet

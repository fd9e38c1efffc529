// How good the network is on crops that it never learns from.
//
// The crops are fixed, by seeds that training does not use, and of the hardest curriculum from the
// first evaluation to the last, so that figures can be compared: while training still shows people
// from the front, the quarter `front` tells, and the others wait.
//
// Measures are those of the literature: distances of the 14 joints of the accuracy protocol,
// aligned at keypoint 39 (MPJPE), or by the best similarity (PA-MPJPE). Bodies are posed by
// common/body from the network's parameters, as production does it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/body/body_model.h"
#include "training/hmr2/parameters.h"
#include "training/hmr2/trainer.h"

namespace posefleet::training {

// Means over a group of crops.
struct Accuracy {
  std::int64_t crops = 0;
  double mpjpe_mm = 0;
  double pa_mpjpe_mm = 0;
  double root_degrees = 0;  // of the pelvis's turn
  double place_px = 0;      // keypoints 0..24 in the picture, pixels of the 256 crop
};

// Where a person faces, in quarters of 90 degrees: the camera, the picture's right, away, its left.
inline constexpr std::array<std::string_view, 4> kQuarterNames = {"front", "right", "back", "left"};

struct EvaluationResult {
  Accuracy all;
  std::array<Accuracy, 4> quarters;
};

// What is compared with the truth of one crop.
struct Guess {
  BodyPose pose;
  std::array<float, 3> camera{};
};

// Distances in millimetres of the 14 joints of `found` from those of `expected`: aligned at
// keypoint 39, and by the best turn, scale and shift.
struct JointErrors {
  double mpjpe_mm = 0;
  double pa_mpjpe_mm = 0;
};
JointErrors joint_errors(std::span<const Point3, kKeypointCount> found,
                         std::span<const Point3, kKeypointCount> expected);

struct EvaluationOptions {
  int crops = 512;
  int threads = 1;
  Products products = Products::Float32;
  CropNormalisation normalisation;
};

// One owner, one thread, which works along.
class Evaluation final {
 public:
  // Draws the crops and keeps them, 200 kB each. What `draw` refers to is needed only here; the
  // layout must outlive the object.
  Evaluation(const ParameterLayout& layout, std::shared_ptr<const BodyModel> body,
             const DrawCrop& draw, const EvaluationOptions& options);
  ~Evaluation();
  Evaluation(const Evaluation&) = delete;
  Evaluation& operator=(const Evaluation&) = delete;

  // `weights` as the layout says, on either grid.
  Result<EvaluationResult> run(std::span<float> weights, Grid grid) const;
  // The same for an answer that does not look at the crop: what any network must beat.
  EvaluationResult run_constant(const Guess& guess) const;

 private:
  class Crops;
  std::unique_ptr<Crops> crops_;
};

// The answer that `mean` is.
Guess guess_of(const MeanParameters& mean);

}  // namespace posefleet::training

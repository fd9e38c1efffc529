#include "training/hmr2/evaluation.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <numbers>

#include <fmt/format.h>

#include "common/base/check.h"
#include "training/hmr2/network.h"
#include "worker/model/rotations.h"
#include "worker/model/tiles.h"

namespace posefleet::training {
namespace {

constexpr double kDegrees = 180 / std::numbers::pi;
constexpr double kMillimetres = 1000;
constexpr double kCropSidePixels = 256;

// Of the accuracy protocol (reference: hmr2.md section 10).
constexpr std::array<std::size_t, 14> kProtocolJoints = {25, 26, 27, 28, 29, 30, 31,
                                                         32, 33, 34, 35, 36, 37, 43};
constexpr std::size_t kPelvis = 39;
// Keypoints whose places in the picture are compared: the 25 that people know.
constexpr std::size_t kPlacedKeypoints = 25;

constexpr std::size_t kCropsAtOnce = 8;

double angle_between(const Rotation& a, const Rotation& b) {
  double trace = 0;
  for (std::size_t i = 0; i < 9; ++i) trace += double{a[i]} * b[i];
  return std::acos(std::clamp((trace - 1) / 2, -1.0, 1.0)) * kDegrees;
}

// Place in kQuarterNames, by the body's forward axis in camera axes.
std::size_t quarter_of(const Rotation& root) {
  const double sideways = root[2];
  const double away = root[8];
  if (std::abs(away) >= std::abs(sideways)) return away < 0 ? 0 : 2;
  return sideways > 0 ? 1 : 3;
}

at::Tensor protocol_joints(std::span<const Point3, kKeypointCount> keypoints) {
  at::Tensor points =
      at::empty({static_cast<std::int64_t>(kProtocolJoints.size()), 3}, at::kDouble);
  auto* out = points.data_ptr<double>();
  for (const std::size_t joint : kProtocolJoints) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      *out++ = double{keypoints[joint][axis]} - keypoints[kPelvis][axis];
    }
  }
  return points;
}

double mean_distance_mm(const at::Tensor& a, const at::Tensor& b) {
  return kMillimetres * (a - b).norm(2, -1).mean().item<double>();
}

// `found` after the similarity that brings it nearest to `expected` (Umeyama 1991).
at::Tensor aligned(const at::Tensor& found, const at::Tensor& expected) {
  const at::Tensor found_mean = found.mean(0, true);
  const at::Tensor expected_mean = expected.mean(0, true);
  const at::Tensor x = found - found_mean;
  const at::Tensor y = expected - expected_mean;
  const auto [u, sizes, vh] = at::linalg_svd(at::mm(x.t(), y), false);
  // Without reflections: the weakest axis is turned round if need be.
  at::Tensor signs = at::ones({3}, at::kDouble);
  if (at::linalg_det(at::mm(u, vh)).item<double>() < 0) signs[2] = -1;
  const at::Tensor turn = at::mm(u * signs, vh);
  const at::Tensor scale = (sizes * signs).sum() / x.square().sum().clamp_min(1e-12);
  return scale * at::mm(x, turn) + expected_mean;
}

struct CropErrors {
  JointErrors joints;
  double root_degrees = 0;
  double place_px = 0;
};

CropErrors errors_of(const BodyModel& body, const Guess& guess, const CropTruth& truth) {
  const PosedBody posed = body.pose(guess.pose);
  CropErrors errors;
  errors.joints = joint_errors(posed.keypoints_3d, truth.keypoints_3d);
  errors.root_degrees = angle_between(guess.pose.global_orient, truth.pose.global_orient);
  for (std::size_t i = 0; i < kPlacedKeypoints; ++i) {
    const std::array<float, 2> place = place_in_crop(posed.keypoints_3d[i], guess.camera);
    errors.place_px +=
        kCropSidePixels / kPlacedKeypoints *
        std::hypot(place[0] - truth.keypoints_2d[i][0], place[1] - truth.keypoints_2d[i][1]);
  }
  return errors;
}

void add(Accuracy& sum, const CropErrors& errors) {
  sum.crops += 1;
  sum.mpjpe_mm += errors.joints.mpjpe_mm;
  sum.pa_mpjpe_mm += errors.joints.pa_mpjpe_mm;
  sum.root_degrees += errors.root_degrees;
  sum.place_px += errors.place_px;
}

void divide(Accuracy& sum) {
  const auto count = static_cast<double>(std::max<std::int64_t>(1, sum.crops));
  for (double* value : {&sum.mpjpe_mm, &sum.pa_mpjpe_mm, &sum.root_degrees, &sum.place_px}) {
    *value /= count;
  }
}

Guess guess_at(const Answer& answer, std::int64_t crop) {
  Guess guess;
  const at::Tensor rotations = answer.rotations[crop].contiguous();
  const auto* from = rotations.data_ptr<float>();
  std::copy_n(from, 9, guess.pose.global_orient.begin());
  for (std::size_t joint = 0; joint < kBodyJointCount; ++joint) {
    std::copy_n(from + 9 * (joint + 1), 9, guess.pose.body_pose[joint].begin());
  }
  std::copy_n(answer.betas[crop].contiguous().data_ptr<float>(), kBetaCount,
              guess.pose.betas.begin());
  std::copy_n(answer.camera[crop].contiguous().data_ptr<float>(), 3, guess.camera.begin());
  return guess;
}

}  // namespace

JointErrors joint_errors(std::span<const Point3, kKeypointCount> found,
                         std::span<const Point3, kKeypointCount> expected) {
  const at::InferenceMode inference;
  const at::Tensor a = protocol_joints(found);
  const at::Tensor b = protocol_joints(expected);
  return {.mpjpe_mm = mean_distance_mm(a, b), .pa_mpjpe_mm = mean_distance_mm(aligned(a, b), b)};
}

class Evaluation::Crops final {
 public:
  Crops(const ParameterLayout& layout, std::shared_ptr<const BodyModel> body, const DrawCrop& draw,
        const EvaluationOptions& options)
      : layout_(layout), body_(std::move(body)), options_(options), tiles_(options.threads) {
    POSEFLEET_CHECK(options.crops >= 1);
    const auto count = static_cast<std::size_t>(options.crops);
    truths_.resize(count);
    pictures_.resize(count);
    tiles_.run(options.crops, [&](int crop, std::byte*) {
      const auto i = static_cast<std::size_t>(crop);
      pictures_[i].resize(kCropBytes);
      truths_[i] = draw(i, Curriculum{}, pictures_[i]);
    });
  }

  EvaluationResult run(std::span<float> weights, Grid grid) {
    const std::size_t portions = (truths_.size() + kCropsAtOnce - 1) / kCropsAtOnce;
    std::vector<CropErrors> errors(truths_.size());
    tiles_.run(static_cast<int>(portions), [&](int portion, std::byte*) {
      const OneThread alone;
      const at::InferenceMode inference;
      const std::size_t first = static_cast<std::size_t>(portion) * kCropsAtOnce;
      const std::size_t count = std::min(kCropsAtOnce, truths_.size() - first);
      const TrainNetwork network(layout_, weights, options_.products);
      const Answer answer = network.forward(patches(first, count, grid), grid);
      for (std::size_t i = 0; i < count; ++i) {
        errors[first + i] =
            errors_of(*body_, guess_at(answer, static_cast<std::int64_t>(i)), truths_[first + i]);
      }
    });
    return summary(errors);
  }

  EvaluationResult run_constant(const Guess& guess) {
    std::vector<CropErrors> errors;
    for (const CropTruth& truth : truths_) errors.push_back(errors_of(*body_, guess, truth));
    return summary(errors);
  }

 private:
  at::Tensor patches(std::size_t first, std::size_t count, Grid grid) const {
    const std::int64_t tokens = tokens_of(grid);
    const auto numbers = static_cast<std::size_t>(tokens * kPatchNumbers);
    at::Tensor all =
        at::empty({static_cast<std::int64_t>(count), tokens, kPatchNumbers}, at::kFloat);
    const std::span<float> out(all.data_ptr<float>(), count * numbers);
    for (std::size_t i = 0; i < count; ++i) {
      cut_patches(pictures_[first + i], Side::AsDrawn, grid, options_.normalisation,
                  out.subspan(i * numbers, numbers));
    }
    return all;
  }

  EvaluationResult summary(const std::vector<CropErrors>& errors) const {
    EvaluationResult result;
    for (std::size_t i = 0; i < errors.size(); ++i) {
      add(result.all, errors[i]);
      add(result.quarters[quarter_of(truths_[i].pose.global_orient)], errors[i]);
    }
    divide(result.all);
    for (Accuracy& quarter : result.quarters) divide(quarter);
    return result;
  }

  const ParameterLayout& layout_;
  std::shared_ptr<const BodyModel> body_;
  EvaluationOptions options_;
  Tiles tiles_;
  std::vector<CropTruth> truths_;
  std::vector<std::vector<std::uint8_t>> pictures_;
};

Evaluation::Evaluation(const ParameterLayout& layout, std::shared_ptr<const BodyModel> body,
                       const DrawCrop& draw, const EvaluationOptions& options)
    : crops_(std::make_unique<Crops>(layout, std::move(body), draw, options)) {}
Evaluation::~Evaluation() = default;

Result<EvaluationResult> Evaluation::run(std::span<float> weights, Grid grid) const {
  try {
    return crops_->run(weights, grid);
  } catch (const std::exception& error) {
    return internal_error(fmt::format("the evaluation failed: {}", error.what()));
  }
}

EvaluationResult Evaluation::run_constant(const Guess& guess) const {
  return crops_->run_constant(guess);
}

Guess guess_of(const MeanParameters& mean) {
  POSEFLEET_CHECK(mean.pose6d.size() == 6 * kJointCount);
  const auto rotation = [&](std::size_t joint) {
    return rotation_from_6d(std::span<const float, 6>(mean.pose6d.data() + 6 * joint, 6));
  };
  Guess guess;
  guess.pose.global_orient = rotation(0);
  for (std::size_t joint = 1; joint < kJointCount; ++joint) {
    guess.pose.body_pose[joint - 1] = rotation(joint);
  }
  std::copy(mean.betas.begin(), mean.betas.end(), guess.pose.betas.begin());
  std::copy(mean.camera.begin(), mean.camera.end(), guess.camera.begin());
  return guess;
}

}  // namespace posefleet::training

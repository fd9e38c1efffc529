#include "training/hmr2/first_look.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "common/base/check.h"
#include "worker/model/tiles.h"

namespace posefleet::training {
namespace {

// Root mean square of a filter's answers.
constexpr double kFilterGain = 0.4;
// Of the strongest component's variance: those far below it are noise and are not blown up to the
// size of the rest.
constexpr double kVarianceMin = 1e-4;

// Sums over the truths of crops and their mirror images, so that the mean person is not lopsided.
class MeanSums final {
 public:
  void add(const CropTruth& drawn) {
    for (const CropTruth& truth : {drawn, mirrored(drawn)}) {
      count_ += 1;
      for (std::size_t joint = 0; joint < kJointCount; ++joint) {
        const Rotation& r = joint == 0 ? truth.pose.global_orient : truth.pose.body_pose[joint - 1];
        // The first two columns.
        for (std::size_t n = 0; n < 6; ++n) pose_[6 * joint + n] += r[3 * (n % 3) + n / 3];
      }
      for (std::size_t n = 0; n < 3; ++n) camera_[n] += truth.camera[n];
    }
  }

  MeanParameters mean() const {
    MeanParameters mean;
    for (const double sum : pose_) mean.pose6d.push_back(static_cast<float>(sum / count_));
    for (const double sum : camera_) mean.camera.push_back(static_cast<float>(sum / count_));
    mean.betas.assign(kBetaCount, 0.0f);
    return mean;
  }

 private:
  std::vector<double> pose_ = std::vector<double>(6 * kJointCount, 0.0);
  std::vector<double> camera_ = std::vector<double>(3, 0.0);
  double count_ = 0;
};

// Patches (n, 768) to filters, strongest component first.
void fill_filters(const at::Tensor& patches, std::int64_t width, FirstLook& look) {
  const at::Tensor numbers = patches.to(at::kDouble);
  const at::Tensor mean = numbers.mean(0, true);
  const at::Tensor centred = numbers - mean;
  const at::Tensor covariance = at::mm(centred.t(), centred) / static_cast<double>(centred.size(0));
  const auto [variances, vectors] = at::linalg_eigh(covariance);
  const at::Tensor strongest = variances.flip(0).narrow(0, 0, width);
  const at::Tensor axes = vectors.flip(1).narrow(1, 0, width).t();
  const at::Tensor floor = strongest[0] * kVarianceMin;
  const at::Tensor filters =
      axes * (kFilterGain / (strongest.clamp_min(0) + floor).sqrt()).unsqueeze(1);
  const at::Tensor weight = filters.to(at::kFloat).contiguous();
  const at::Tensor bias = -at::mm(filters, mean.t()).flatten().to(at::kFloat).contiguous();
  look.patch_weight.assign(weight.data_ptr<float>(), weight.data_ptr<float>() + weight.numel());
  look.patch_bias.assign(bias.data_ptr<float>(), bias.data_ptr<float>() + bias.numel());
}

}  // namespace

FirstLook look_at_crops(const DrawCrop& draw, const CropNormalisation& normalisation,
                        std::int64_t backbone_width, int count) {
  POSEFLEET_CHECK(count >= 1 && backbone_width <= kPatchNumbers);
  const OneThread alone;
  const at::InferenceMode inference;
  const std::int64_t tokens = tokens_of(Grid::Half);
  const std::int64_t crops = 2 * std::int64_t{count};
  const auto numbers = static_cast<std::size_t>(tokens * kPatchNumbers);
  const at::Tensor patches = at::empty({crops * tokens, kPatchNumbers}, at::kFloat);
  const std::span<float> all(patches.data_ptr<float>(), static_cast<std::size_t>(crops) * numbers);
  std::vector<std::uint8_t> rgb(kCropBytes);
  MeanSums sums;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    sums.add(draw(i, Curriculum{.yaw_limit = 60, .occlusion = 0}, rgb));
    cut_patches(rgb, Side::AsDrawn, Grid::Half, normalisation,
                all.subspan(2 * i * numbers, numbers));
    cut_patches(rgb, Side::Mirrored, Grid::Half, normalisation,
                all.subspan((2 * i + 1) * numbers, numbers));
  }
  FirstLook look;
  look.mean = sums.mean();
  fill_filters(patches, backbone_width, look);
  return look;
}

}  // namespace posefleet::training

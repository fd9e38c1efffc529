// The trainer's network and body against those that production computes with.
#include "training/hmr2/network.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/body/body_model.h"
#include "common/model_folder/safetensors.h"
#include "tests/support/fixtures.h"
#include "tests/training/hmr2/fake_crops.h"
#include "training/capsule_body.h"
#include "training/hmr2/body_chain.h"
#include "worker/model/hmr2.h"

namespace posefleet::tests {
namespace {

using namespace posefleet::training;

NetworkSizes small_sizes() {
  return {64, 2, 4, 128, 96, 2, 3, 16, 80};
}

MeanParameters upright_mean() {
  MeanParameters mean;
  for (int joint = 0; joint < kJointCount; ++joint) {
    for (const float value : {1.0f, 0.0f, 0.0f, 0.0f, joint == 0 ? -1.0f : 1.0f, 0.0f}) {
      mean.pose6d.push_back(value);
    }
  }
  mean.betas.assign(10, 0.5f);
  mean.camera = {0.9f, 0.1f, -0.1f};
  return mean;
}

// Weights large enough that every part of the network shows in the answer.
std::vector<float> lively_parameters(const ParameterLayout& layout) {
  std::vector<float> values = initial_parameters(layout, {.mean = upright_mean()}, 3);
  Random random(9);
  for (const ParameterEntry& entry : layout.entries()) {
    if (!entry.is_trained) continue;
    for (float& value : part_of(std::span(values), entry)) {
      value += static_cast<float>(0.03 * random.normal());
    }
  }
  return values;
}

ModelFolder folder_with(const ParameterLayout& layout, const std::vector<float>& values,
                        const std::filesystem::path& path) {
  std::map<std::string, TensorView> tensors;
  for (const ParameterEntry& entry : layout.entries()) {
    if (!entry.is_exported) continue;
    tensors[entry.name] = {DType::F32, entry.shape,
                           std::as_bytes(part_of(std::span(values), entry))};
  }
  EXPECT_TRUE(write_safetensors(path / "hmr2.safetensors", tensors, {}));
  ModelFolder folder;
  folder.path = path;
  folder.manifest.network = layout.sizes();
  return folder;
}

const BodyModel& capsules() {
  static const auto body = BodyModel::make(make_capsule_body());
  return **body;
}

CropNormalisation usual_normalisation() {
  return *crop_normalisation(Manifest{});
}

// As production's make_crop writes an upright 256x256 frame.
std::vector<float> production_crop(std::span<const std::uint8_t> rgb) {
  const CropNormalisation normalisation = usual_normalisation();
  std::vector<float> crop(kCropFloats);
  for (std::size_t i = 0; i < rgb.size(); ++i) {
    const std::size_t channel = i % 3;
    crop[channel * 256 * 256 + i / 3] =
        (static_cast<float>(rgb[i]) - normalisation.offset[channel]) / normalisation.scale[channel];
  }
  return crop;
}

TEST(TrainNetwork, AnswersAsProductionDoesOnTheSameWeights) {
  const at::InferenceMode inference;
  const ParameterLayout layout(small_sizes());
  std::vector<float> values = lively_parameters(layout);
  const TempDir folder;
  auto production = Hmr2::load(folder_with(layout, values, folder.path()), {.batch_size = 3});
  ASSERT_TRUE(production) << production.error().message;

  constexpr std::size_t kCrops = 3;
  constexpr auto kNumbers = static_cast<std::size_t>(192 * kPatchNumbers);
  std::vector<std::uint8_t> rgb(kCropBytes);
  std::vector<float> crops;
  std::vector<float> patches(kCrops * kNumbers);
  for (std::size_t i = 0; i < kCrops; ++i) {
    (void)draw_dots(capsules(), i, {}, rgb);
    Random random(i);
    for (std::uint8_t& value : rgb) value = static_cast<std::uint8_t>(value + random.below(40));
    const std::vector<float> crop = production_crop(rgb);
    crops.insert(crops.end(), crop.begin(), crop.end());
    cut_patches(rgb, Side::AsDrawn, Grid::Full, usual_normalisation(),
                std::span(patches).subspan(i * kNumbers, kNumbers));
  }
  const auto expected = (*production)->run(crops, kCrops);
  ASSERT_TRUE(expected) << expected.error().message;
  const TrainNetwork network(layout, values);
  const Answer answer = network.forward(
      at::from_blob(patches.data(), {kCrops, 192, kPatchNumbers}, at::kFloat), Grid::Full);

  const at::Tensor rotations = answer.rotations.contiguous();
  double spread = 0;
  for (std::size_t i = 0; i < kCrops; ++i) {
    const NetworkOutput& output = (*expected)[i];
    const float* found = rotations.data_ptr<float>() + i * 24 * 9;
    for (std::size_t n = 0; n < 9; ++n) EXPECT_NEAR(found[n], output.global_orient[n], 1e-4);
    for (std::size_t joint = 0; joint < 23; ++joint) {
      for (std::size_t n = 0; n < 9; ++n) {
        EXPECT_NEAR(found[9 * (joint + 1) + n], output.body_pose[joint][n], 1e-4);
      }
    }
    const auto row = static_cast<std::int64_t>(i);
    for (std::size_t n = 0; n < 10; ++n) {
      EXPECT_NEAR(answer.betas[row].data_ptr<float>()[n], output.betas[n], 1e-4);
    }
    for (std::size_t n = 0; n < 3; ++n) {
      EXPECT_NEAR(answer.camera[row].data_ptr<float>()[n], output.pred_cam[n], 1e-4);
    }
    spread += std::abs(output.betas[0] - (*expected)[0].betas[0]);
  }
  // Else equal answers would say little: the crops must matter.
  EXPECT_GT(spread, 1e-3);
}

TEST(TrainNetwork, SendsAGradientToEveryTrainedNumberTensor) {
  const ParameterLayout layout(small_sizes());
  std::vector<float> values = lively_parameters(layout);
  const TrainNetwork network(layout, values);
  const BodyChain chain(make_capsule_body());
  for (const Grid grid : {Grid::Half, Grid::Full}) {
    SCOPED_TRACE(grid == Grid::Full ? "full" : "half");
    const at::Tensor patches = at::randn({2, tokens_of(grid), kPatchNumbers});
    const Answer answer = network.forward(patches, grid);
    const at::Tensor joints = chain.joints(answer.rotations, answer.betas);
    const at::Tensor sum = joints.square().sum() + answer.parts.square().sum() +
                           places_in_crop(joints, answer.camera).square().sum() +
                           at::log_softmax(answer.joint_maps, 1).select(1, 0).sum() +
                           answer.betas.sum() + answer.votes.places.square().sum() +
                           answer.votes.rotations.square().select(-1, 0).select(-1, 0).sum();
    sum.backward();
    std::size_t i = 0;
    for (const ParameterEntry& entry : layout.entries()) {
      if (!entry.is_trained) continue;
      const at::Tensor gradient = network.trained()[i++].grad();
      ASSERT_TRUE(gradient.defined()) << entry.name;
      EXPECT_GT(gradient.abs().max().item<float>(), 0) << entry.name;
      gradient.zero_();
    }
  }
}

at::Tensor gradient_of(const TrainNetwork& network, const ParameterLayout& layout,
                       const std::string& name) {
  std::size_t place = 0;
  while (layout.entries()[place].name != name) ++place;
  return network.trained()[place].grad();
}

TEST(TrainNetwork, RoundedProductsGiveNearlyTheSameAnswersAndGradients) {
  const ParameterLayout layout(small_sizes());
  std::vector<float> values = lively_parameters(layout);
  const at::Tensor patches = at::randn({8, 48, kPatchNumbers});
  std::vector<at::Tensor> answers;
  std::vector<at::Tensor> gradients;
  for (const Products products : {Products::Float32, Products::BFloat16}) {
    const TrainNetwork network(layout, values, products);
    const Answer answer = network.forward(patches, Grid::Half);
    answer.pose6d.square().sum().backward();
    answers.push_back(answer.pose6d.detach());
    gradients.push_back(gradient_of(network, layout, "backbone.blocks.0.mlp.fc1.weight").flatten());
  }
  EXPECT_LT((answers[0] - answers[1]).abs().max().item<float>(), 0.05);
  EXPECT_GT((answers[0] - answers[1]).abs().max().item<float>(), 0);
  const double cosine =
      ((gradients[0] * gradients[1]).sum() / (gradients[0].norm() * gradients[1].norm()))
          .item<double>();
  EXPECT_GT(cosine, 0.99);
}

TEST(BodyChain, PutsJointsWhereTheBodyModelDoes) {
  const at::InferenceMode inference;
  const BodyChain chain(make_capsule_body());
  std::vector<std::uint8_t> rgb(kCropBytes);
  std::vector<float> numbers(static_cast<std::size_t>(TruthNumbers::kCount));
  for (std::uint64_t i = 0; i < 5; ++i) {
    const CropTruth truth = draw_dots(capsules(), i, {.pose_range = 3}, rgb);
    truth_numbers(truth, numbers);
    const at::Tensor all = at::from_blob(numbers.data(), {1, TruthNumbers::kCount}, at::kFloat);
    const at::Tensor betas = all.narrow(1, TruthNumbers::kBetas, 10);
    const at::Tensor joints =
        chain.joints(all.narrow(1, TruthNumbers::kRotations, 216).reshape({1, 24, 3, 3}), betas);
    const at::Tensor expected = all.narrow(1, TruthNumbers::kJoints, 72).reshape({1, 24, 3});
    EXPECT_LT((joints - expected).abs().max().item<float>(), 1e-5);
    // And in the picture.
    const at::Tensor places = places_in_crop(joints + chain.pelvis(betas).unsqueeze(1),
                                             all.narrow(1, TruthNumbers::kCamera, 3));
    const at::Tensor seen = all.narrow(1, TruthNumbers::kPlaces, 48).reshape({1, 24, 2});
    EXPECT_LT((places - seen).abs().max().item<float>(), 1e-5);
  }
}

}  // namespace
}  // namespace posefleet::tests

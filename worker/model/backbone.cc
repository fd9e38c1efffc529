#include "worker/model/backbone.h"

#include <algorithm>

#include "common/model_folder/network_layout.h"
#include "worker/model/crop.h"

namespace posefleet {
namespace {

constexpr double kNormEpsilon = 1e-6;

// The network sees columns 32..223 of the crop, with 2 pixels of zeros around them: padding other
// than 2 gives as many patches, shifted ones.
constexpr std::int64_t kFirstColumn = 32;
constexpr std::int64_t kColumns = 192;
constexpr std::int64_t kPadding = 2;

// Rows of one piece of a layer norm: four pieces a crop, each some 20 microseconds.
constexpr std::int64_t kNormRows = 48;

// A tensor over numbers that others own. Weights are only read, though LibTorch cannot say so.
at::Tensor view(const float* numbers, at::IntArrayRef shape) {
  return at::from_blob(const_cast<float*>(numbers), shape, at::kFloat);
}

std::vector<float> copied(const at::Tensor& tensor, int crop_count) {
  const auto* data = tensor.data_ptr<float>();
  return {data, data + crop_count * kTokenCount * tensor.size(1)};
}

}  // namespace

Backbone::Backbone(const Hmr2Weights& weights, Tiles& tiles, int batch_size)
    : weights_(weights),
      tiles_(tiles),
      patch_plan_(weights.patch_embed, Activation::None, Output::Add),
      qkv_plan_(weights.blocks.front().qkv, Activation::None, Output::Store),
      proj_plan_(weights.blocks.front().proj, Activation::None, Output::Add),
      fc1_plan_(weights.blocks.front().fc1, Activation::Gelu, Output::StoreForNext),
      fc2_plan_(weights.blocks.front().fc2, Activation::None, Output::Add),
      attention_plan_(weights.sizes.backbone_width, weights.sizes.backbone_heads,
                      proj_plan_.input_type()) {
  const std::int64_t width = weights.sizes.backbone_width;
  const std::int64_t rows = batch_size * kTokenCount;
  const at::Tensor table = view(weights.pos_embed, {kTokenCount + 1, width});
  positions_ = table.narrow(0, 1, kTokenCount) + table.narrow(0, 0, 1);
  tokens_ = at::empty({rows, width}, at::kFloat);
  qkv_ = at::empty({rows, 3 * width}, at::kFloat);
  const auto type = qkv_plan_.input_type() == NumberType::BFloat16 ? at::kBFloat16 : at::kFloat;
  attended_ = at::empty({rows, width}, type);
  normed_ = at::empty({rows, width}, type);
  hidden_ = at::empty({rows, weights.sizes.backbone_mlp}, type);
  features_ = type == at::kFloat ? normed_ : at::empty({rows, width}, at::kFloat);
}

std::size_t Backbone::scratch_bytes() const {
  return std::max({patch_plan_.scratch_bytes(), qkv_plan_.scratch_bytes(),
                   proj_plan_.scratch_bytes(), fc1_plan_.scratch_bytes(), fc2_plan_.scratch_bytes(),
                   attention_plan_.scratch_bytes()});
}

const float* Backbone::run(const float* crops, int crop_count, const OnStep& on_step,
                           NetworkTrace* trace) {
  embed(crops, crop_count);
  if (trace != nullptr) trace->tokens_after_pos_embed = copied(tokens_, crop_count);
  for (const BlockWeights& block : weights_.blocks) {
    run_block(block, crop_count);
    if (on_step) on_step();
    if (trace != nullptr) trace->after_block.push_back(copied(tokens_, crop_count));
  }
  norm(weights_.last_norm, crop_count, features_);
  if (trace != nullptr) trace->features = copied(features_, crop_count);
  return features_.data_ptr<float>();
}

void Backbone::embed(const float* crops, int crop_count) {
  const at::Tensor seen = at::constant_pad_nd(
      view(crops, {crop_count, 3, kCropSide, kCropSide}).narrow(3, kFirstColumn, kColumns),
      {kPadding, kPadding, kPadding, kPadding});
  // (crops, 3, 16, 12, 16, 16), then one row of channel, line, column per patch: the order in which
  // a convolution's weights are stored.
  const at::Tensor patches = seen.unfold(2, kPatchSize, kPatchSize)
                                 .unfold(3, kPatchSize, kPatchSize)
                                 .permute({0, 2, 3, 1, 4, 5})
                                 .contiguous();
  for (int crop = 0; crop < crop_count; ++crop) {
    tokens_.narrow(0, crop * kTokenCount, kTokenCount).copy_(positions_);
  }
  patch_plan_.run(tiles_, weights_.patch_embed, patches.data_ptr<float>(),
                  tokens_.data_ptr<float>(), crop_count);
}

void Backbone::run_block(const BlockWeights& block, int crop_count) {
  auto* tokens = tokens_.data_ptr<float>();
  auto* qkv = qkv_.data_ptr<float>();

  norm(block.norm1, crop_count, normed_);
  qkv_plan_.run(tiles_, block.qkv, normed_.data_ptr(), qkv, crop_count);
  attention_plan_.run(tiles_, qkv, attended_.data_ptr(), crop_count);
  proj_plan_.run(tiles_, block.proj, attended_.data_ptr(), tokens, crop_count);

  norm(block.norm2, crop_count, normed_);
  fc1_plan_.run(tiles_, block.fc1, normed_.data_ptr(), hidden_.data_ptr(), crop_count);
  fc2_plan_.run(tiles_, block.fc2, hidden_.data_ptr(), tokens, crop_count);
}

void Backbone::norm(const NormWeights& weights, int crop_count, at::Tensor& out) {
  const at::Tensor weight = view(weights.weight, {weights.width});
  const at::Tensor bias = view(weights.bias, {weights.width});
  const int pieces = crop_count * static_cast<int>(kTokenCount / kNormRows);
  tiles_.run(pieces, [&](int piece, std::byte*) {
    const at::InferenceMode inference;
    out.narrow(0, piece * kNormRows, kNormRows)
        .copy_(at::layer_norm(tokens_.narrow(0, piece * kNormRows, kNormRows), {weights.width},
                              weight, bias, kNormEpsilon));
  });
}

}  // namespace posefleet

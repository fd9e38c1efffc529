// The vision transformer: crops in, 192 normalised tokens per crop out.
//
// Internal to worker/model, and one of its few files that know LibTorch: tensors hold the
// activations, LibTorch cuts the patches and normalises rows, oneDNN does the products (linear.h).
#pragma once

#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "worker/model/hmr2.h"
#include "worker/model/linear.h"
#include "worker/model/tiles.h"
#include "worker/model/weights.h"

namespace posefleet {

// Owned by one network; `weights` and `tiles` must outlive it.
class Backbone final {
 public:
  Backbone(const Hmr2Weights& weights, Tiles& tiles, int batch_size);

  std::size_t scratch_bytes() const;
  // Which of oneDNN's kernels does most of the work.
  std::string kernel() const { return fc1_plan_.kernel(); }
  // crops: (crops, 3, 256, 256). The result, (crops * 192, width), is valid until the next call.
  // Calls `on_step` after each block, fills `trace` unless it is null.
  const float* run(const float* crops, int crop_count, const OnStep& on_step, NetworkTrace* trace);

 private:
  // Starts tokens_ with patch embedding and positions.
  void embed(const float* crops, int crop_count);
  void run_block(const BlockWeights& block, int crop_count);
  // Layer norm of tokens_ into `out`, in float32 and then rounded if that is out's type.
  void norm(const NormWeights& weights, int crop_count, at::Tensor& out);

  const Hmr2Weights& weights_;
  Tiles& tiles_;
  LinearPlan patch_plan_, qkv_plan_, proj_plan_, fc1_plan_, fc2_plan_;
  AttentionPlan attention_plan_;
  at::Tensor positions_;  // (192, width): each token's own and the class token's
  at::Tensor tokens_;     // (batch * 192, width)
  at::Tensor qkv_;        // (batch * 192, 3 width)
  // What the blocks' products take, of their type.
  at::Tensor attended_;  // (batch * 192, width)
  at::Tensor hidden_;    // (batch * 192, MLP width)
  at::Tensor normed_;    // (batch * 192, width)
  at::Tensor features_;  // (batch * 192, width), float32: the result
};

}  // namespace posefleet

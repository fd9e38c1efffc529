// The head: one query token per crop that asks the backbone's 192 tokens for the body.
//
// One token makes products of a matrix with a vector, which cost the reading of the matrix and
// nothing else. oneDNN would pack the matrix first, which reads it twice more; so these are plain
// loops here, over all crops of the batch while a row of weights is at hand, with sums in a fixed
// order. The exception is `to_kv`, a product with all 192 tokens, which goes to oneDNN (linear.h).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "worker/model/linear.h"
#include "worker/model/tiles.h"
#include "worker/model/weights.h"

namespace posefleet {

// What the head says about each crop.
struct DecoderOutput {
  std::vector<float> token;   // (crops, decoder width)
  std::vector<float> pose6d;  // (crops, 144)
  std::vector<float> betas;   // (crops, 10)
  std::vector<float> cam;     // (crops, 3)
};

// Owned by one network; `weights` and `tiles` must outlive it.
class Decoder final {
 public:
  Decoder(const Hmr2Weights& weights, Tiles& tiles, int batch_size);

  std::size_t scratch_bytes() const { return kv_plan_.scratch_bytes(); }
  // context: (crops * 192, backbone width), normalised.
  DecoderOutput run(const float* context, int crops);

 private:
  using Rows = std::vector<float>;  // one row per crop

  // x + attention(x): the query's view of the context through layer `layer`'s keys and values.
  void attend(std::size_t layer, Rows& x, int crops);
  // W2 gelu(W1 x + b1) + b2, added to x.
  void mlp(std::size_t layer, Rows& x, int crops);
  // One row per crop: W row + bias.
  Rows dense(const LinearWeights& layer, const Rows& rows, int crops);

  const Hmr2Weights& weights_;
  Tiles& tiles_;
  LinearPlan kv_plan_;
  // Keys and values of all layers for the batch: (layer, crop, token, 2 inner).
  std::vector<float> keys_values_;
};

}  // namespace posefleet

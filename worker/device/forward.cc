#include "worker/device/forward.h"

#include <cmath>

#include <torch/version.h>

#include "common/model_folder/network_layout.h"

namespace posefleet {
namespace {

constexpr double kBackboneEpsilon = 1e-6;
constexpr double kHeadEpsilon = 1e-5;

// The network sees columns 32..223 of the crop, padded by 2 pixels.
constexpr std::int64_t kFirstColumn = 32;
constexpr std::int64_t kColumns = 192;
constexpr std::int64_t kPadding = 2;

at::Tensor linear(const at::Tensor& x, const DeviceLinear& layer) {
  return layer.bias.defined() ? at::linear(x, layer.weight, layer.bias)
                              : at::linear(x, layer.weight);
}

at::Tensor norm(const at::Tensor& x, const DeviceNorm& weights, double epsilon) {
  return at::layer_norm(x, {weights.weight.size(0)}, weights.weight, weights.bias, epsilon);
}

// q, k, v: (B, heads, tokens, width of a head).
at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
#if TORCH_VERSION_MAJOR >= 2
  return at::scaled_dot_product_attention(q, k, v);
#else
  const double scale = 1 / std::sqrt(static_cast<double>(q.size(-1)));
  return at::matmul(at::softmax(at::matmul(q * scale, k.transpose(-1, -2)), -1), v);
#endif
}

// The tokens stay float32 and are added to in place: only operands of products are rounded.
void run_block(const DeviceBlock& block, std::int64_t heads, at::ScalarType type,
               at::Tensor& tokens) {
  const std::int64_t batch = tokens.size(0);
  const std::int64_t width = tokens.size(2);
  const at::Tensor qkv = linear(norm(tokens, block.norm1, kBackboneEpsilon).to(type), block.qkv)
                             .view({batch, kTokenCount, 3, heads, width / heads})
                             .permute({2, 0, 3, 1, 4});
  const at::Tensor seen =
      attend(qkv[0], qkv[1], qkv[2]).transpose(1, 2).reshape({batch, kTokenCount, width});
  tokens.add_(linear(seen, block.proj));
  const at::Tensor hidden = linear(norm(tokens, block.norm2, kBackboneEpsilon).to(type), block.fc1);
  tokens.add_(linear(at::gelu(hidden), block.fc2));
}

at::Tensor backbone(const DeviceWeights& weights, const at::Tensor& crops) {
  at::Tensor tokens =
      at::conv2d(crops.narrow(3, kFirstColumn, kColumns), weights.patch_embed.weight,
                 weights.patch_embed.bias, kPatchSize, kPadding)
          .flatten(2)
          .transpose(1, 2)
          .contiguous();
  tokens.add_(weights.positions);
  for (const DeviceBlock& block : weights.blocks) {
    run_block(block, weights.sizes.backbone_heads, weights.product_type(), tokens);
  }
  return norm(tokens, weights.last_norm, kBackboneEpsilon);
}

// One query token a crop, x: (B, decoder width).
void run_layer(const DeviceDecoderLayer& layer, const NetworkSizes& sizes,
               const at::Tensor& context, at::Tensor& x) {
  const std::int64_t batch = x.size(0);
  const std::int64_t heads = sizes.decoder_heads;
  const std::int64_t head_width = sizes.decoder_head_width;
  x = x + linear(linear(norm(x, layer.self_norm, kHeadEpsilon), layer.self_value), layer.self_out);
  const at::Tensor query = linear(norm(x, layer.cross_norm, kHeadEpsilon), layer.to_q)
                               .view({batch, heads, 1, head_width});
  const at::Tensor keys_values = linear(context, layer.to_kv)
                                     .to(at::kFloat)
                                     .view({batch, kTokenCount, 2, heads, head_width})
                                     .permute({2, 0, 3, 1, 4});
  const at::Tensor seen =
      attend(query, keys_values[0], keys_values[1]).reshape({batch, heads * head_width});
  x = x + linear(seen, layer.cross_out);
  x = x + linear(at::gelu(linear(norm(x, layer.mlp_norm, kHeadEpsilon), layer.fc1)), layer.fc2);
}

}  // namespace

at::Tensor forward(const DeviceWeights& weights, const at::Tensor& crops) {
  const at::Tensor context = backbone(weights, crops).to(weights.product_type());
  at::Tensor x = weights.query.expand({crops.size(0), weights.query.size(0)});
  for (const DeviceDecoderLayer& layer : weights.layers) {
    run_layer(layer, weights.sizes, context, x);
  }
  return linear(x, weights.outputs);
}

}  // namespace posefleet

#include "training/hmr2/network.h"

#include <cmath>

#include <fmt/format.h>
#include <torch/csrc/autograd/custom_function.h>

#include "common/model_folder/network_layout.h"
#include "common/protocol/poses.h"

namespace posefleet::training {
namespace {

// The backbone's and the head's layer norms differ in the reference.
constexpr double kBackboneEpsilon = 1e-6;
constexpr double kDecoderEpsilon = 1e-5;
// Of a vector's length, as in the reference.
constexpr double kLengthMin = 1e-12;

// y = x Wᵀ on rounded operands. The gradient of W is rounded as well, once, after it was summed.
struct RoundedLinear : public torch::autograd::Function<RoundedLinear> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight) {
    const at::Tensor rows = x.reshape({-1, x.size(-1)}).to(at::kBFloat16);
    const at::Tensor rounded = weight.to(at::kBFloat16);
    context->save_for_backward({rows, rounded});
    std::vector<std::int64_t> shape = x.sizes().vec();
    shape.back() = weight.size(0);
    return at::mm(rows, rounded.t()).to(at::kFloat).view(shape);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& dy = gradients[0];
    const at::Tensor rows = dy.reshape({-1, dy.size(-1)}).to(at::kBFloat16);
    at::Tensor dx;
    if (context->needs_input_grad(0)) {
      std::vector<std::int64_t> shape = dy.sizes().vec();
      shape.back() = saved[1].size(1);
      dx = at::mm(rows, saved[1]).to(at::kFloat).view(shape);
    }
    return {dx, at::mm(rows.t(), saved[0]).to(at::kFloat)};
  }
};

// (B, T, heads * width) to (B, heads, T, width).
at::Tensor by_head(const at::Tensor& x, std::int64_t heads) {
  return x.view({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);
}

// (B, heads, queries, width) back to (B, queries, heads * width).
at::Tensor attended(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
  const double scale = 1 / std::sqrt(static_cast<double>(query.size(3)));
  const at::Tensor weights = at::softmax(at::matmul(query * scale, key.transpose(2, 3)), -1);
  const at::Tensor seen = at::matmul(weights, value).transpose(1, 2);
  return seen.reshape({seen.size(0), seen.size(1), seen.size(2) * seen.size(3)});
}

// The middles of the grid's tokens in crop units, (T, 2).
at::Tensor token_places(Grid grid) {
  const double patch = grid == Grid::Full ? 16 : 32;  // pixels of the 256 crop
  const auto line = [&](std::int64_t count, double first) {
    return ((at::arange(count, at::kFloat) + 0.5) * patch + first) / 256 - 0.5;
  };
  const at::Tensor rows = line(rows_of(grid), 0).unsqueeze(1).expand({-1, columns_of(grid)});
  const at::Tensor columns = line(columns_of(grid), 32).unsqueeze(0).expand({rows_of(grid), -1});
  return at::stack({columns, rows}, -1).reshape({-1, 2});
}

at::Tensor unit_length(const at::Tensor& x) {
  return x / at::linalg_vector_norm(x, 2, at::IntArrayRef{-1}, true).clamp_min(kLengthMin);
}

}  // namespace

at::Tensor rotations_from_6d(const at::Tensor& six) {
  const at::Tensor first = unit_length(six.narrow(-1, 0, 3));
  const at::Tensor second = six.narrow(-1, 3, 3);
  const at::Tensor along = (first * second).sum(-1, true);
  const at::Tensor other = unit_length(second - along * first);
  return at::stack({first, other, at::cross(first, other, -1)}, -1);
}

TrainNetwork::TrainNetwork(const ParameterLayout& layout, std::span<float> values,
                           Products products)
    : sizes_(layout.sizes()), products_(products) {
  for (const ParameterEntry& entry : layout.entries()) {
    at::Tensor tensor = at::from_blob(part_of(values, entry).data(), entry.shape, at::kFloat);
    if (entry.is_trained) {
      tensor.requires_grad_();
      trained_.push_back(tensor);
    }
    tensors_.emplace(entry.name, std::move(tensor));
  }
}

at::Tensor TrainNetwork::linear(const at::Tensor& x, const std::string& name) const {
  const at::Tensor& weight = at(name + ".weight");
  const auto bias = tensors_.find(name + ".bias");
  // Below some rows, rounding costs more than it saves.
  const bool is_large = x.numel() / x.size(-1) >= 256;
  if (products_ == Products::Float32 || !is_large) {
    return at::linear(x, weight, bias == tensors_.end() ? at::Tensor() : bias->second);
  }
  const at::Tensor y = RoundedLinear::apply(x, weight);
  return bias == tensors_.end() ? y : y + bias->second;
}

at::Tensor TrainNetwork::norm(const at::Tensor& x, const std::string& name, double epsilon) const {
  return at::layer_norm(x, {x.size(-1)}, at(name + ".weight"), at(name + ".bias"), epsilon);
}

at::Tensor TrainNetwork::tokens(const at::Tensor& patches, Grid grid) const {
  const std::int64_t width = sizes_.backbone_width;
  const at::Tensor weight = at("backbone.patch_embed.proj.weight").view({width, -1});
  const at::Tensor& bias = at("backbone.patch_embed.proj.bias");
  const at::Tensor seen = products_ == Products::BFloat16
                              ? RoundedLinear::apply(patches, weight) + bias
                              : at::linear(patches, weight, bias);
  const at::Tensor table = at("backbone.pos_embed")[0];
  at::Tensor positions = table.narrow(0, 1, kTokenCount);
  if (grid == Grid::Half) {
    positions = positions.view({kFullRows / 2, 2, kFullColumns / 2, 2, width})
                    .mean(at::IntArrayRef{1, 3})
                    .reshape({-1, width});
  }
  return seen + positions + table.narrow(0, 0, 1);
}

at::Tensor TrainNetwork::block(const at::Tensor& x, const std::string& name) const {
  const auto qkv =
      linear(norm(x, name + "norm1", kBackboneEpsilon), name + "attn.qkv").chunk(3, -1);
  const std::int64_t heads = sizes_.backbone_heads;
  const at::Tensor seen =
      attended(by_head(qkv[0], heads), by_head(qkv[1], heads), by_head(qkv[2], heads));
  const at::Tensor between = x + linear(seen, name + "attn.proj");
  const at::Tensor hidden =
      linear(norm(between, name + "norm2", kBackboneEpsilon), name + "mlp.fc1");
  return between + linear(at::gelu(hidden), name + "mlp.fc2");
}

at::Tensor TrainNetwork::cross_attention(const at::Tensor& x, const at::Tensor& context,
                                         const std::string& name) const {
  const std::int64_t heads = sizes_.decoder_heads;
  const at::Tensor query =
      linear(norm(x, name + "norm", kDecoderEpsilon), name + "fn.to_q").unsqueeze(1);
  const auto both = linear(context, name + "fn.to_kv").chunk(2, -1);
  const at::Tensor seen =
      attended(by_head(query, heads), by_head(both[0], heads), by_head(both[1], heads));
  return linear(seen.squeeze(1), name + "fn.to_out.0");
}

at::Tensor TrainNetwork::decode(const at::Tensor& context) const {
  const std::string transformer = "smpl_head.transformer.";
  const std::int64_t width = sizes_.decoder_width;
  at::Tensor x = (at(transformer + "to_token_embedding.bias") +
                  at(transformer + "pos_embedding").view({width}))
                     .expand({context.size(0), width});
  const std::int64_t inner = sizes_.decoder_heads * sizes_.decoder_head_width;
  for (std::int64_t i = 0; i < sizes_.decoder_depth; ++i) {
    const std::string layer = fmt::format("{}transformer.layers.{}.", transformer, i);
    // Self attention of a single token is its own value: the last third of to_qkv.
    const at::Tensor value =
        at::linear(norm(x, layer + "0.norm", kDecoderEpsilon),
                   at(layer + "0.fn.to_qkv.weight").narrow(0, 2 * inner, inner));
    x = x + linear(value, layer + "0.fn.to_out.0");
    x = x + cross_attention(x, context, layer + "1.");
    const at::Tensor hidden =
        linear(norm(x, layer + "2.norm", kDecoderEpsilon), layer + "2.fn.net.0");
    x = x + linear(at::gelu(hidden), layer + "2.fn.net.3");
  }
  return x;
}

Votes TrainNetwork::votes(const at::Tensor& tokens, const at::Tensor& joint_maps, Grid grid) const {
  const at::Tensor said =
      linear(tokens, kVoteLayer).view({tokens.size(0), tokens.size(1), kJointCount, kVoteNumbers});
  const at::Tensor trust = at::softmax(joint_maps, 1);
  const at::Tensor heard = (trust.unsqueeze(-1) * said).sum(1);
  Votes votes;
  votes.joints = heard.narrow(-1, 0, 3);
  votes.places = at::matmul(trust.transpose(1, 2), token_places(grid)) + heard.narrow(-1, 3, 2);
  votes.rotations = rotations_from_6d(heard.narrow(-1, 5, 6) +
                                      at("smpl_head.init_body_pose").view({kJointCount, 6}));
  return votes;
}

Answer TrainNetwork::forward(const at::Tensor& patches, Grid grid) const {
  at::Tensor x = tokens(patches, grid);
  for (std::int64_t i = 0; i < sizes_.backbone_depth; ++i) {
    x = block(x, fmt::format("backbone.blocks.{}.", i));
  }
  x = norm(x, "backbone.last_norm", kBackboneEpsilon);
  const at::Tensor token = decode(x);
  Answer answer;
  answer.pose6d = linear(token, "smpl_head.decpose") + at("smpl_head.init_body_pose");
  answer.rotations = rotations_from_6d(answer.pose6d.view({-1, kJointCount, 6}));
  answer.betas = linear(token, "smpl_head.decshape") + at("smpl_head.init_betas");
  answer.camera = linear(token, "smpl_head.deccam") + at("smpl_head.init_cam");
  answer.joint_maps = at::linear(x, at(std::string(kJointMapLayer) + ".weight"),
                                 at(std::string(kJointMapLayer) + ".bias"));
  answer.parts = linear(x, kPartLayer);
  answer.votes = votes(x, answer.joint_maps, grid);
  return answer;
}

}  // namespace posefleet::training

#include "common/model_folder/network_layout.h"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace posefleet {
namespace {

using Layout = std::map<std::string, Shape>;

// Generous bounds against a manifest that would allocate the machine away: ViT-G, the largest of
// this family, has depth 48, width 1664 and MLP 8192.
constexpr std::int64_t kDepthMax = 256;
constexpr std::int64_t kWidthMax = 16384;

// A linear layer: weights (out, in), and a bias (out) unless the design has none.
void add_linear(Layout& layout, const std::string& name, std::int64_t out, std::int64_t in) {
  layout[name + ".weight"] = {out, in};
  layout[name + ".bias"] = {out};
}

void add_norm(Layout& layout, const std::string& name, std::int64_t width) {
  layout[name + ".weight"] = {width};
  layout[name + ".bias"] = {width};
}

void add_backbone(Layout& layout, const NetworkSizes& sizes) {
  const std::int64_t width = sizes.backbone_width;
  // One more position than tokens: that of the class token, which is added to every token.
  layout["backbone.pos_embed"] = {1, kTokenCount + 1, width};
  layout["backbone.patch_embed.proj.weight"] = {width, 3, kPatchSize, kPatchSize};
  layout["backbone.patch_embed.proj.bias"] = {width};
  for (std::int64_t i = 0; i < sizes.backbone_depth; ++i) {
    const std::string block = fmt::format("backbone.blocks.{}.", i);
    add_norm(layout, block + "norm1", width);
    add_norm(layout, block + "norm2", width);
    add_linear(layout, block + "attn.qkv", 3 * width, width);
    add_linear(layout, block + "attn.proj", width, width);
    add_linear(layout, block + "mlp.fc1", sizes.backbone_mlp, width);
    add_linear(layout, block + "mlp.fc2", width, sizes.backbone_mlp);
  }
  add_norm(layout, "backbone.last_norm", width);
}

void add_decoder_layer(Layout& layout, const std::string& layer, const NetworkSizes& sizes) {
  const std::int64_t width = sizes.decoder_width;
  const std::int64_t inner = sizes.decoder_heads * sizes.decoder_head_width;
  for (const char* part : {"0", "1", "2"}) add_norm(layout, layer + part + ".norm", width);
  layout[layer + "0.fn.to_qkv.weight"] = {3 * inner, width};
  add_linear(layout, layer + "0.fn.to_out.0", width, inner);
  layout[layer + "1.fn.to_kv.weight"] = {2 * inner, sizes.backbone_width};
  layout[layer + "1.fn.to_q.weight"] = {inner, width};
  add_linear(layout, layer + "1.fn.to_out.0", width, inner);
  add_linear(layout, layer + "2.fn.net.0", sizes.decoder_mlp, width);
  add_linear(layout, layer + "2.fn.net.3", width, sizes.decoder_mlp);
}

void add_head(Layout& layout, const NetworkSizes& sizes) {
  const std::int64_t width = sizes.decoder_width;
  layout["smpl_head.init_body_pose"] = {1, kPose6dCount};
  layout["smpl_head.init_betas"] = {1, kShapeCount};
  layout["smpl_head.init_cam"] = {1, kCameraCount};
  layout["smpl_head.transformer.pos_embedding"] = {1, 1, width};
  add_linear(layout, "smpl_head.transformer.to_token_embedding", width, 1);
  for (std::int64_t i = 0; i < sizes.decoder_depth; ++i) {
    add_decoder_layer(layout, fmt::format("smpl_head.transformer.transformer.layers.{}.", i),
                      sizes);
  }
  add_linear(layout, "smpl_head.decpose", kPose6dCount, width);
  add_linear(layout, "smpl_head.decshape", kShapeCount, width);
  add_linear(layout, "smpl_head.deccam", kCameraCount, width);
}

}  // namespace

std::map<std::string, Shape> network_layout(const NetworkSizes& sizes) {
  Layout layout;
  add_backbone(layout, sizes);
  add_head(layout, sizes);
  return layout;
}

Result<TensorView> network_tensor(const Safetensors& file, const std::string& name,
                                  const Shape& shape) {
  const TensorView* view = file.find(name);
  const bool is_half_size =
      view != nullptr && (view->dtype == DType::F16 || view->dtype == DType::BF16);
  if (is_half_size && view->shape == shape) return *view;
  return file.get(name, DType::F32, shape);
}

Status check_sizes(const NetworkSizes& sizes) {
  const std::array<std::pair<const char*, std::pair<std::int64_t, std::int64_t>>, 9> limits = {{
      {"backbone_width", {sizes.backbone_width, kWidthMax}},
      {"backbone_depth", {sizes.backbone_depth, kDepthMax}},
      {"backbone_heads", {sizes.backbone_heads, kWidthMax}},
      {"backbone_mlp", {sizes.backbone_mlp, 4 * kWidthMax}},
      {"decoder_width", {sizes.decoder_width, kWidthMax}},
      {"decoder_depth", {sizes.decoder_depth, kDepthMax}},
      {"decoder_heads", {sizes.decoder_heads, kDepthMax}},
      {"decoder_head_width", {sizes.decoder_head_width, kWidthMax}},
      {"decoder_mlp", {sizes.decoder_mlp, 4 * kWidthMax}},
  }};
  for (const auto& [name, limit] : limits) {
    if (limit.first < 1 || limit.first > limit.second) {
      return rejected(
          fmt::format("{} is {}, expected 1 to {}; the manifest is damaged, import the "
                      "model again",
                      name, limit.first, limit.second));
    }
  }
  if (sizes.backbone_width % sizes.backbone_heads != 0) {
    return rejected(
        fmt::format("backbone_heads is {}, which does not divide backbone_width {}; "
                    "import the model again with the right number of heads",
                    sizes.backbone_heads, sizes.backbone_width));
  }
  return done();
}

double operations_per_crop(const NetworkSizes& sizes) {
  const auto width = static_cast<double>(sizes.backbone_width);
  const auto tokens = static_cast<double>(kTokenCount);
  const double patch = 3.0 * kPatchSize * kPatchSize * width;
  const double linear = width * (4 * width + 2 * static_cast<double>(sizes.backbone_mlp));
  const double attention = 2 * tokens * width;
  const double backbone = patch + static_cast<double>(sizes.backbone_depth) * (linear + attention);
  const auto inner = static_cast<double>(sizes.decoder_heads * sizes.decoder_head_width);
  const auto head_width = static_cast<double>(sizes.decoder_width);
  const double context = 2 * inner * width;
  const double token = 4 * inner * head_width +
                       2 * head_width * static_cast<double>(sizes.decoder_mlp) + 2 * tokens * inner;
  return 2 * (tokens * backbone +
              static_cast<double>(sizes.decoder_depth) * (tokens * context + token));
}

}  // namespace posefleet

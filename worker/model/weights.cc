#include "worker/model/weights.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "common/model_folder/half.h"
#include "common/model_folder/network_layout.h"
#include "worker/model/bfloat16.h"
#include "worker/model/hmr2.h"
#include "worker/model/product.h"

namespace posefleet {
namespace {

// 64 bytes: a cache line, and the widest vector.
constexpr std::size_t kAlignmentFloats = 16;

// Tensors by name; all names of network_layout are there with its shapes.
using Tensors = std::map<std::string, const float*>;

class Assembler final {
 public:
  Assembler(const Tensors& tensors, const std::map<std::string, Shape>& layout)
      : tensors_(tensors), layout_(layout) {}

  const float* at(const std::string& name) const { return tensors_.at(name); }

  NormWeights norm(const std::string& name) const {
    return {at(name + ".weight"), at(name + ".bias"), layout_.at(name + ".weight")[0]};
  }

  // Shapes beyond two dimensions (the patch embedding) are rows of what follows the first.
  LinearWeights linear(const std::string& name) const {
    const Shape& shape = layout_.at(name + ".weight");
    const auto bias = tensors_.find(name + ".bias");
    return {.weight = at(name + ".weight"),
            .bias = bias == tensors_.end() ? nullptr : bias->second,
            .out = shape[0],
            .in = element_count(shape) / shape[0]};
  }

 private:
  const Tensors& tensors_;
  const std::map<std::string, Shape>& layout_;
};

BlockWeights block(const Assembler& from, const std::string& name) {
  return {from.norm(name + "norm1"),      from.norm(name + "norm2"),
          from.linear(name + "attn.qkv"), from.linear(name + "attn.proj"),
          from.linear(name + "mlp.fc1"),  from.linear(name + "mlp.fc2")};
}

DecoderLayerWeights decoder_layer(const Assembler& from, const std::string& name) {
  DecoderLayerWeights layer;
  layer.self_norm = from.norm(name + "0.norm");
  layer.cross_norm = from.norm(name + "1.norm");
  layer.mlp_norm = from.norm(name + "2.norm");
  layer.self_value = from.linear(name + "0.fn.to_qkv");
  layer.self_value.out /= 3;
  layer.self_value.weight += 2 * layer.self_value.out * layer.self_value.in;
  layer.self_out = from.linear(name + "0.fn.to_out.0");
  layer.to_q = from.linear(name + "1.fn.to_q");
  layer.to_kv = from.linear(name + "1.fn.to_kv");
  layer.cross_out = from.linear(name + "1.fn.to_out.0");
  layer.fc1 = from.linear(name + "2.fn.net.0");
  layer.fc2 = from.linear(name + "2.fn.net.3");
  return layer;
}

void assemble(Hmr2Weights& weights, const Assembler& from) {
  weights.patch_embed = from.linear("backbone.patch_embed.proj");
  weights.pos_embed = from.at("backbone.pos_embed");
  for (std::int64_t i = 0; i < weights.sizes.backbone_depth; ++i) {
    weights.blocks.push_back(block(from, fmt::format("backbone.blocks.{}.", i)));
  }
  weights.last_norm = from.norm("backbone.last_norm");

  weights.query_bias = from.at("smpl_head.transformer.to_token_embedding.bias");
  weights.query_pos = from.at("smpl_head.transformer.pos_embedding");
  for (std::int64_t i = 0; i < weights.sizes.decoder_depth; ++i) {
    weights.layers.push_back(
        decoder_layer(from, fmt::format("smpl_head.transformer.transformer.layers.{}.", i)));
  }
  weights.decpose = from.linear("smpl_head.decpose");
  weights.decshape = from.linear("smpl_head.decshape");
  weights.deccam = from.linear("smpl_head.deccam");
  weights.init_body_pose = from.at("smpl_head.init_body_pose");
  weights.init_betas = from.at("smpl_head.init_betas");
  weights.init_cam = from.at("smpl_head.init_cam");
}

constexpr std::array kBlockLayers = {&BlockWeights::qkv, &BlockWeights::proj, &BlockWeights::fc1,
                                     &BlockWeights::fc2};

// Gives the blocks' layers of `to` rounded copies of those of `from`; they forget the float32
// numbers. The two may be the same network.
void round_blocks(const std::vector<BlockWeights>& from, Hmr2Weights& to) {
  std::size_t total = 0;
  for (const BlockWeights& block : from) {
    for (const auto layer : kBlockLayers) {
      total += static_cast<std::size_t>((block.*layer).out * (block.*layer).in);
    }
  }
  to.rounded_memory = std::make_unique_for_overwrite<std::uint16_t[]>(total);
  std::uint16_t* next = to.rounded_memory.get();
  for (std::size_t i = 0; i < from.size(); ++i) {
    for (const auto layer : kBlockLayers) {
      const float* source = (from[i].*layer).weight;
      LinearWeights& target = to.blocks[i].*layer;
      const std::int64_t count = target.out * target.in;
      std::transform(source, source + count, next, to_bfloat16);
      target.rounded = next;
      target.weight = nullptr;
      next += count;
    }
  }
  to.precision = Precision::BFloat16;
}

// SplitMix64's output as numbers in [-1, 1).
float noise(std::uint64_t index) {
  std::uint64_t z = index * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  z ^= z >> 31;
  return static_cast<float>(z >> 40) / static_cast<float>(1 << 23) - 1;
}

// Spread such that activations keep their size through the layers: uniform noise has a variance of
// 1/3, so sqrt(3/in) keeps a linear layer's output at the variance of its input.
void fill(float* out, const std::string& name, const Shape& shape, std::uint64_t seed) {
  const std::int64_t count = element_count(shape);
  const bool is_norm = name.find("norm") != std::string::npos;
  const bool is_bias = name.ends_with(".bias");
  const float center = is_norm && !is_bias ? 1.0f : 0.0f;
  const float spread =
      shape.size() < 2 ? 0.02f
                       : std::sqrt(3.0f * static_cast<float>(shape[0]) / static_cast<float>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    out[i] = center + spread * noise(seed + static_cast<std::uint64_t>(i));
  }
}

// Running out of memory becomes an error that says for what.
template <typename Make>
Status with_memory_for(const NetworkSizes& sizes, const Make& make) {
  try {
    make();
    return done();
  } catch (const std::bad_alloc&) {
    return overloaded(
        fmt::format("no memory for the weights of a {}x{} network; stop other programs, or take "
                    "precision float32, which maps the file instead of copying it",
                    sizes.backbone_width, sizes.backbone_depth));
  }
}

// Shapes that hold as much as theirs, and begin where vectors like to.
std::size_t padded_count(const Shape& shape) {
  const auto count = static_cast<std::size_t>(element_count(shape));
  return (count + kAlignmentFloats - 1) / kAlignmentFloats * kAlignmentFloats;
}

// Where each tensor of the file lies: mapped when it is float32, else widened into memory of the
// network's own. Small models are stored so, at half the size; there the copy costs nothing.
Result<Tensors> tensors_of(Hmr2Weights& weights, const std::map<std::string, Shape>& layout) {
  Tensors tensors;
  std::map<std::string, TensorView> to_widen;
  std::size_t total = 0;
  for (const auto& [name, shape] : layout) {
    POSEFLEET_TRY(const TensorView view, network_tensor(*weights.file, name, shape));
    if (view.dtype != DType::F32) {
      to_widen.emplace(name, view);
      total += padded_count(shape);
    } else {
      tensors[name] = reinterpret_cast<const float*>(view.bytes.data());
    }
  }
  if (to_widen.empty()) return tensors;
  POSEFLEET_TRY_DO(with_memory_for(
      weights.sizes, [&] { weights.memory = std::make_unique_for_overwrite<float[]>(total); }));
  float* next = weights.memory.get();
  for (const auto& [name, view] : to_widen) {
    widen(view, next);
    tensors[name] = next;
    next += padded_count(view.shape);
  }
  return tensors;
}

Result<std::shared_ptr<Hmr2Weights>> map_weights(const ModelFolder& folder) {
  const Manifest& manifest = folder.manifest;
  if (auto status = check_sizes(manifest.network); !status) {
    return in_context(folder.path.string(), std::move(status).error());
  }
  auto weights = std::make_shared<Hmr2Weights>();
  weights->sizes = manifest.network;
  weights->name = manifest.name;
  POSEFLEET_TRY(weights->file, Safetensors::open(folder.weights_path()));
  const std::map<std::string, Shape> layout = network_layout(manifest.network);
  POSEFLEET_TRY(const Tensors tensors, tensors_of(*weights, layout));
  assemble(*weights, Assembler(tensors, layout));
  return weights;
}

}  // namespace

Result<Precision> choose_precision(std::string_view name) {
  // Float32 is the one whose numbers the released model is known by; every processor has it, so
  // that workers of one cluster agree without being told.
  if (name == "auto") return Precision::Float32;
  const std::optional<Precision> precision = parse_precision(name);
  if (!precision) {
    return rejected(
        fmt::format("precision is '{}', expected auto, float32, bfloat16 or float16", name));
  }
  POSEFLEET_TRY_DO(check_precision(*precision));
  return *precision;
}

Status check_precision(Precision precision) {
  if (precision == Precision::Float16) {
    return rejected(
        "precision is float16, which is for GPUs; this build computes on the processor: choose "
        "float32, or bfloat16 where the processor has it");
  }
  if (precision == Precision::BFloat16 && !has_bfloat16_products()) {
    return rejected(
        fmt::format("precision is bfloat16, but this processor has no instructions for it "
                    "(AVX512_BF16 or AMX; {}); choose float32",
                    product_library()));
  }
  return done();
}

Precision precision_of(const Hmr2Weights& weights) {
  return weights.precision;
}

Result<SharedWeights> load_weights(const ModelFolder& folder, Precision precision) {
  POSEFLEET_TRY_DO(check_precision(precision));
  POSEFLEET_TRY(std::shared_ptr<Hmr2Weights> weights, map_weights(folder));
  if (precision == Precision::Float32) return SharedWeights(std::move(weights));
  // Rounding reads every page of the file. It does so through a mapping of its own, which then goes
  // and takes them along; of the lasting one only the small layers are ever touched.
  POSEFLEET_TRY(const std::shared_ptr<Hmr2Weights> source, map_weights(folder));
  POSEFLEET_TRY_DO(
      with_memory_for(folder.manifest.network, [&] { round_blocks(source->blocks, *weights); }));
  return SharedWeights(std::move(weights));
}

Result<SharedWeights> random_weights(const NetworkSizes& sizes, std::uint64_t seed,
                                     Precision precision) {
  POSEFLEET_TRY_DO(check_sizes(sizes));
  POSEFLEET_TRY_DO(check_precision(precision));
  auto weights = std::make_shared<Hmr2Weights>();
  weights->sizes = sizes;
  weights->name = "random weights";
  const std::map<std::string, Shape> layout = network_layout(sizes);
  std::size_t total = 0;
  for (const auto& [name, shape] : layout) total += padded_count(shape);
  POSEFLEET_TRY_DO(with_memory_for(sizes, [&] {
    weights->memory = std::make_unique_for_overwrite<float[]>(total);
    Tensors tensors;
    float* next = weights->memory.get();
    for (const auto& [name, shape] : layout) {
      fill(next, name, shape, seed + static_cast<std::uint64_t>(next - weights->memory.get()));
      tensors[name] = next;
      next += padded_count(shape);
    }
    assemble(*weights, Assembler(tensors, layout));
    if (precision == Precision::BFloat16) round_blocks(weights->blocks, *weights);
  }));
  return SharedWeights(std::move(weights));
}

}  // namespace posefleet

#include "worker/import/import_network.h"

#include <cmath>

#include <fmt/format.h>

#include "common/model_folder/network_layout.h"
#include "worker/import/npz.h"

namespace posefleet {
namespace {

constexpr const char* kFirstBlock = "backbone.blocks.0.";
constexpr const char* kFirstLayer = "smpl_head.transformer.transformer.layers.0.";

// Size `dimension` of the tensor, or an error when there is no such tensor.
Result<std::int64_t> size_in(const Checkpoint& checkpoint, const std::string& name,
                             std::size_t dimension) {
  const CheckpointTensor* tensor = checkpoint.find(name);
  if (tensor == nullptr) {
    return rejected(fmt::format("{}: there is no tensor '{}'; is this an HMR2 checkpoint?",
                                checkpoint.path().string(), name));
  }
  if (tensor->shape.size() <= dimension) {
    return rejected(fmt::format("{}: tensor '{}' has shape {}, too few dimensions",
                                checkpoint.path().string(), name, to_text(tensor->shape)));
  }
  return tensor->shape[dimension];
}

// How many blocks there are, by the one tensor that each must have.
std::int64_t count_of(const Checkpoint& checkpoint, const std::string& before,
                      const std::string& after) {
  std::int64_t count = 0;
  while (checkpoint.find(fmt::format("{}{}{}", before, count, after)) != nullptr) ++count;
  return count;
}

Status check_equal(const Checkpoint& checkpoint, const char* what, std::int64_t found,
                   std::int64_t configured) {
  if (found == configured) return done();
  return rejected(fmt::format(
      "{}: its {} is {}, the configuration says {} (absent keys count as the released model's); "
      "checkpoint and configuration do not belong together",
      checkpoint.path().string(), what, found, configured));
}

}  // namespace

Result<NetworkSizes> sizes_of(const Checkpoint& checkpoint, const NetworkSizes& configured) {
  NetworkSizes sizes = configured;
  const std::string block = kFirstBlock;
  const std::string layer = kFirstLayer;
  POSEFLEET_TRY(sizes.backbone_width, size_in(checkpoint, "backbone.pos_embed", 2));
  POSEFLEET_TRY(sizes.backbone_mlp, size_in(checkpoint, block + "mlp.fc1.weight", 0));
  POSEFLEET_TRY(sizes.decoder_width, size_in(checkpoint, "smpl_head.transformer.pos_embedding", 2));
  POSEFLEET_TRY(sizes.decoder_mlp, size_in(checkpoint, layer + "2.fn.net.0.weight", 0));
  POSEFLEET_TRY(const std::int64_t inner, size_in(checkpoint, layer + "1.fn.to_q.weight", 0));
  sizes.backbone_depth = count_of(checkpoint, "backbone.blocks.", ".attn.qkv.weight");
  sizes.decoder_depth =
      count_of(checkpoint, "smpl_head.transformer.transformer.layers.", ".0.fn.to_qkv.weight");

  const struct {
    const char* what;
    std::int64_t found;
    std::int64_t expected;
  } checks[] = {
      {"backbone width", sizes.backbone_width, configured.backbone_width},
      {"backbone depth", sizes.backbone_depth, configured.backbone_depth},
      {"backbone MLP width", sizes.backbone_mlp, configured.backbone_mlp},
      {"decoder width", sizes.decoder_width, configured.decoder_width},
      {"decoder depth", sizes.decoder_depth, configured.decoder_depth},
      {"decoder MLP width", sizes.decoder_mlp, configured.decoder_mlp},
      {"decoder attention width", inner, configured.decoder_heads * configured.decoder_head_width},
  };
  for (const auto& check : checks) {
    POSEFLEET_TRY_DO(check_equal(checkpoint, check.what, check.found, check.expected));
  }
  return sizes;
}

Result<MeanParameters> read_mean_parameters(const std::filesystem::path& npz) {
  const struct {
    const char* array;
    const char* tensor;
    std::int64_t count;
  } rows[] = {{"pose", "smpl_head.init_body_pose", kPose6dCount},
              {"shape", "smpl_head.init_betas", kShapeCount},
              {"cam", "smpl_head.init_cam", kCameraCount}};
  POSEFLEET_TRY(const auto arrays, read_npz(npz));
  MeanParameters means;
  for (const auto& row : rows) {
    const auto found = arrays.find(row.array);
    if (found == arrays.end()) {
      return rejected(fmt::format("{}: there is no array '{}'; expected pose, shape and cam",
                                  npz.string(), row.array));
    }
    std::vector<float> values = found->second.to_floats();
    if (values.size() != static_cast<std::size_t>(row.count)) {
      return rejected(fmt::format("{}: '{}' has shape {}, expected {} numbers", npz.string(),
                                  row.array, to_text(found->second.shape), row.count));
    }
    for (const float value : values) {
      if (!std::isfinite(value)) {
        return rejected(fmt::format("{}: '{}' holds {}", npz.string(), row.array, value));
      }
    }
    means[row.tensor] = std::move(values);
  }
  return means;
}

Status check_network(const Checkpoint& checkpoint, const std::map<std::string, Shape>& layout,
                     const MeanParameters& means) {
  constexpr int kShownMax = 10;
  std::string faults;
  int count = 0;
  for (const auto& [name, shape] : layout) {
    const CheckpointTensor* tensor = checkpoint.find(name);
    if (tensor == nullptr && means.contains(name)) continue;
    if (tensor != nullptr && tensor->shape == shape) continue;
    if (++count > kShownMax) continue;
    const std::string found = tensor == nullptr ? "is missing" : "is " + to_text(tensor->shape);
    faults += fmt::format("\n  {} {}, expected {}", name, found, to_text(shape));
  }
  if (count == 0) return done();
  const std::string more =
      count > kShownMax ? fmt::format("\n  and {} more", count - kShownMax) : "";
  return rejected(
      fmt::format("{}: {} of the network's {} tensors are missing or have another "
                  "shape:{}{}",
                  checkpoint.path().string(), count, layout.size(), faults, more));
}

Status write_network(const std::filesystem::path& path, Checkpoint& checkpoint,
                     const std::map<std::string, Shape>& layout, const MeanParameters& means) {
  std::map<std::string, TensorHead> heads;
  for (const auto& [name, shape] : layout) heads[name] = {DType::F32, shape};
  std::vector<float> buffer;
  return write_safetensors(path, heads, {{"format", "pt"}},
                           [&](const std::string& name) -> Result<std::span<const std::byte>> {
                             if (checkpoint.find(name) != nullptr) {
                               return checkpoint.float_bytes(name, buffer);
                             }
                             return std::as_bytes(std::span(means.at(name)));
                           });
}

}  // namespace posefleet

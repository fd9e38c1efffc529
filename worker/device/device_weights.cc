#include "worker/device/device_weights.h"

#include <map>
#include <utility>

#include <fmt/format.h>

#include "common/model_folder/network_layout.h"

namespace posefleet {
namespace {

// Takes the host's tensors apart into what the network computes with.
class Assembler final {
 public:
  Assembler(std::map<std::string, at::Tensor> tensors, const at::Device& device,
            at::ScalarType product_type)
      : tensors_(std::move(tensors)), device_(device), product_type_(product_type) {}

  const at::Tensor& at(const std::string& name) const { return tensors_.at(name); }
  at::Tensor placed(const at::Tensor& tensor) const {
    return tensor.to(device_, at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  }

  DeviceNorm norm(const std::string& name) const {
    return {placed(at(name + ".weight")), placed(at(name + ".bias"))};
  }
  DeviceLinear linear(const std::string& name) const { return linear(name, at::kFloat); }
  DeviceLinear product(const std::string& name) const { return linear(name, product_type_); }

 private:
  DeviceLinear linear(const std::string& name, at::ScalarType type) const {
    DeviceLinear layer;
    layer.weight = placed(at(name + ".weight")).to(type);
    const auto bias = tensors_.find(name + ".bias");
    if (bias != tensors_.end()) layer.bias = placed(bias->second).to(type);
    return layer;
  }

  std::map<std::string, at::Tensor> tensors_;
  at::Device device_;
  at::ScalarType product_type_;
};

DeviceBlock block_of(const Assembler& from, const std::string& name) {
  return {from.norm(name + "norm1"),       from.norm(name + "norm2"),
          from.product(name + "attn.qkv"), from.product(name + "attn.proj"),
          from.product(name + "mlp.fc1"),  from.product(name + "mlp.fc2")};
}

DeviceDecoderLayer layer_of(const Assembler& from, const std::string& name) {
  DeviceDecoderLayer layer;
  layer.self_norm = from.norm(name + "0.norm");
  layer.cross_norm = from.norm(name + "1.norm");
  layer.mlp_norm = from.norm(name + "2.norm");
  layer.self_value.weight = from.placed(from.at(name + "0.fn.to_qkv.weight").chunk(3, 0)[2]);
  layer.self_out = from.linear(name + "0.fn.to_out.0");
  layer.to_q = from.linear(name + "1.fn.to_q");
  layer.to_kv = from.product(name + "1.fn.to_kv");
  layer.cross_out = from.linear(name + "1.fn.to_out.0");
  layer.fc1 = from.linear(name + "2.fn.net.0");
  layer.fc2 = from.linear(name + "2.fn.net.3");
  return layer;
}

DeviceLinear outputs_of(const Assembler& from) {
  const auto joined = [&](const char* end) {
    return at::cat({from.at(std::string("smpl_head.decpose") + end),
                    from.at(std::string("smpl_head.decshape") + end),
                    from.at(std::string("smpl_head.deccam") + end)});
  };
  const at::Tensor means = at::cat({from.at("smpl_head.init_body_pose"),
                                    from.at("smpl_head.init_betas"), from.at("smpl_head.init_cam")},
                                   1);
  return {from.placed(joined(".weight")), from.placed(joined(".bias") + means.flatten())};
}

void assemble(DeviceWeights& weights, const Assembler& from) {
  weights.patch_embed = from.linear("backbone.patch_embed.proj");
  const at::Tensor table = from.at("backbone.pos_embed");
  weights.positions =
      from.placed(table.narrow(1, 1, kTokenCount) + table.narrow(1, 0, 1)).contiguous();
  for (std::int64_t i = 0; i < weights.sizes.backbone_depth; ++i) {
    weights.blocks.push_back(block_of(from, fmt::format("backbone.blocks.{}.", i)));
  }
  weights.last_norm = from.norm("backbone.last_norm");
  weights.query = from.placed(from.at("smpl_head.transformer.to_token_embedding.bias") +
                              from.at("smpl_head.transformer.pos_embedding").flatten());
  for (std::int64_t i = 0; i < weights.sizes.decoder_depth; ++i) {
    weights.layers.push_back(
        layer_of(from, fmt::format("smpl_head.transformer.transformer.layers.{}.", i)));
  }
  weights.outputs = outputs_of(from);
}

}  // namespace

at::ScalarType DeviceWeights::product_type() const {
  switch (precision) {
    case Precision::Float32:
      return at::kFloat;
    case Precision::BFloat16:
      return at::kBFloat16;
    case Precision::Float16:
      return at::kHalf;
  }
  return at::kFloat;
}

Result<std::shared_ptr<DeviceWeights>> make_device_weights(const NetworkSizes& sizes,
                                                           const std::string& name,
                                                           const at::Device& device,
                                                           Precision precision,
                                                           const TensorOf& tensor_of) {
  POSEFLEET_TRY_DO(check_sizes(sizes));
  auto weights = std::make_shared<DeviceWeights>();
  weights->sizes = sizes;
  weights->name = name;
  weights->precision = precision;
  weights->device = device;
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [tensor_name, shape] : network_layout(sizes)) {
    POSEFLEET_TRY(tensors[tensor_name], tensor_of(tensor_name, shape));
  }
  assemble(*weights, Assembler(std::move(tensors), device, weights->product_type()));
  return weights;
}

}  // namespace posefleet

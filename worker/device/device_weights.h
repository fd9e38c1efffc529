// The network's tensors on a device, once for all instances on it.
//
// In bfloat16 and float16 the operands of the blocks' four products and of the head's keys and
// values are rounded, 99 % of the work; norms, positions and the rest of the head stay float32, as
// on the processor (worker/model/weights.h). Internal to worker/device; throws what LibTorch
// throws.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "common/base/result.h"
#include "common/model_folder/model_folder.h"
#include "common/model_folder/safetensors.h"
#include "common/protocol/precision.h"

namespace posefleet {

struct DeviceLinear {
  at::Tensor weight;  // (out, in)
  at::Tensor bias;    // (out), of the weight's type; undefined where the design has none
};

struct DeviceNorm {
  at::Tensor weight, bias;  // (width), float32
};

struct DeviceBlock {
  DeviceNorm norm1, norm2;
  DeviceLinear qkv, proj, fc1, fc2;  // of the products' type
};

struct DeviceDecoderLayer {
  DeviceNorm self_norm, cross_norm, mlp_norm;
  DeviceLinear self_value;  // the last third of to_qkv: one token has nothing to weigh
  DeviceLinear self_out, to_q, cross_out, fc1, fc2;
  DeviceLinear to_kv;  // of the products' type
};

// Never changes once made.
class DeviceWeights final {
 public:
  NetworkSizes sizes;
  Precision precision = Precision::Float32;
  std::string name;  // for descriptions
  at::Device device = at::kCPU;

  DeviceLinear patch_embed;  // weight (width, 3, 16, 16)
  at::Tensor positions;      // (1, 192, width): each token's, the class token's added
  std::vector<DeviceBlock> blocks;
  DeviceNorm last_norm;
  at::Tensor query;  // (decoder width)
  std::vector<DeviceDecoderLayer> layers;
  DeviceLinear outputs;  // (157, decoder width): pose, shape and camera; the means are in its bias

  at::ScalarType product_type() const;
};

// A tensor of network_layout() by its name: float32, on the host, of that shape.
using TensorOf = std::function<Result<at::Tensor>(const std::string& name, const Shape& shape)>;

Result<std::shared_ptr<DeviceWeights>> make_device_weights(const NetworkSizes& sizes,
                                                           const std::string& name,
                                                           const at::Device& device,
                                                           Precision precision,
                                                           const TensorOf& tensor_of);

}  // namespace posefleet

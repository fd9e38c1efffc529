// The network's arithmetic on LibTorch's tensors (reference: hmr2.md sections 3 and 4). Internal to
// worker/device; throws what LibTorch throws.
#pragma once

#include <ATen/ATen.h>

#include "worker/device/device_weights.h"

namespace posefleet {

// Normalised crops (B, 3, 256, 256), float32, in; (B, 157) out: pose in six numbers a joint (144),
// betas (10), camera (3), the means added. All on the weights' device; nothing waits for it.
at::Tensor forward(const DeviceWeights& weights, const at::Tensor& crops);

}  // namespace posefleet

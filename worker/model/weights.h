// The network's tensors as typed places in memory that is mapped, not copied: 2.5 GiB that two
// instances in a process, and all workers of a machine, share as pages of one file.
//
// In bfloat16 the blocks' four products, 98 % of the work, use a rounded copy of half the size in
// memory of the process's own; the patches and the head stay float32 and mapped.
//
// Every shape is checked here once, against the sizes in the manifest; below this nothing is
// checked again. Internal to worker/model: others see Hmr2Weights by name only (hmr2.h).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/base/result.h"
#include "common/model_folder/model_folder.h"
#include "common/model_folder/safetensors.h"
#include "common/protocol/precision.h"

namespace posefleet {

// y = x Wᵀ + b with W stored (out, in), row-major.
struct LinearWeights {
  const float* weight = nullptr;  // null when only the rounded ones are kept
  // The same rounded to bfloat16, for the layers that compute so; else null.
  const std::uint16_t* rounded = nullptr;
  const float* bias = nullptr;  // (out); null where the design has none
  std::int64_t out = 0;
  std::int64_t in = 0;
};

struct NormWeights {
  const float* weight = nullptr;
  const float* bias = nullptr;
  std::int64_t width = 0;
};

struct BlockWeights {
  NormWeights norm1, norm2;
  LinearWeights qkv, proj, fc1, fc2;
};

struct DecoderLayerWeights {
  NormWeights self_norm, cross_norm, mlp_norm;
  LinearWeights self_value;  // the last third of to_qkv: with one token there is nothing to weigh
  LinearWeights self_out, to_q, to_kv, cross_out, fc1, fc2;
};

// Never changes once made; read by any number of instances at the same time.
class Hmr2Weights final {
 public:
  NetworkSizes sizes;
  Precision precision = Precision::Float32;
  std::string name;  // for messages and descriptions

  LinearWeights patch_embed;         // (width, 3*16*16)
  const float* pos_embed = nullptr;  // (193, width); row 0 is the class token's
  std::vector<BlockWeights> blocks;
  NormWeights last_norm;

  const float* query_bias = nullptr;  // to_token_embedding.bias (decoder width)
  const float* query_pos = nullptr;   // pos_embedding (decoder width)
  std::vector<DecoderLayerWeights> layers;
  LinearWeights decpose, decshape, deccam;
  const float* init_body_pose = nullptr;  // (144)
  const float* init_betas = nullptr;      // (10)
  const float* init_cam = nullptr;        // (3)

  // Who owns the numbers: a mapped file, memory, or both.
  std::unique_ptr<Safetensors> file;
  std::unique_ptr<float[]> memory;
  std::unique_ptr<std::uint16_t[]> rounded_memory;
};

// Refuses what this build or this processor cannot compute in.
Status check_precision(Precision precision);

}  // namespace posefleet

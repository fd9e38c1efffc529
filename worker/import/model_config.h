// The few values of an HMR2 model_config.yaml that inference depends on (reference: hmr2.md
// section 1).
//
// The file is the training run's whole configuration: hundreds of keys, many unresolved. All but
// the ones below are ignored, whatever they are; but a value below that asks for another network
// than ours is refused, since it would run and give wrong numbers.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/body/joints.h"
#include "common/model_folder/model_folder.h"

namespace posefleet {

struct ModelConfig {
  // Absent keys have the released model's values.
  NetworkSizes network;
  double focal_length = 5000;
  std::vector<float> image_mean = {0.485f, 0.456f, 0.406f};
  std::vector<float> image_std = {0.229f, 0.224f, 0.225f};
  // In joint order; nothing when the file has no SMPL.VERTEX_IDS, so the standard ones hold.
  std::optional<std::array<std::int64_t, kExtraVertexCount>> vertex_ids;
};

Result<ModelConfig> read_model_config(const std::filesystem::path& path);

// `file` names the text in messages.
Result<ModelConfig> parse_model_config(const std::string& text, const std::string& file);

}  // namespace posefleet

#include "worker/import/model_config.h"

#include "common/base/check.h"
#include "tests/fuzz/targets.h"

namespace posefleet::fuzz {

void fuzz_model_config(std::span<const std::byte> input) {
  const auto config = parse_model_config(std::string(text_of(input)), "config.yaml");
  if (!config) {
    POSEFLEET_CHECK(config.error().message.starts_with("config.yaml:"));
    return;
  }
  POSEFLEET_CHECK(config->network.backbone_width % config->network.backbone_heads == 0);
  POSEFLEET_CHECK(config->network.decoder_depth > 0 && config->network.backbone_mlp > 0);
  POSEFLEET_CHECK(config->image_mean.size() == 3 && config->image_std.size() == 3);
  POSEFLEET_CHECK(config->focal_length >= 1);
}

}  // namespace posefleet::fuzz

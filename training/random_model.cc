// posefleet-random-model: a model folder with random weights, for trying the program out where no
// trained model may be shipped or fetched. Its bodies stand where the boxes are and move a little
// with the picture; they are not the poses of the people in it.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/model_folder/model_folder.h"
#include "common/model_folder/network_layout.h"
#include "common/model_folder/safetensors.h"
#include "common/protocol/poses.h"
#include "training/capsule_body.h"

namespace posefleet::training {
namespace {

// Tiny: the reference's reduced model, small enough for any machine. Full: the released one's, for
// measuring (2.7 GB).
Result<NetworkSizes> sizes_of(const std::string& name) {
  NetworkSizes sizes;
  if (name == "full") return sizes;
  if (name != "tiny") return rejected("size is '" + name + "', expected tiny or full");
  sizes.backbone_width = 64;
  sizes.backbone_depth = 3;
  sizes.backbone_heads = 4;
  sizes.backbone_mlp = 256;
  sizes.decoder_width = 96;
  sizes.decoder_depth = 2;
  sizes.decoder_heads = 4;
  sizes.decoder_head_width = 16;
  sizes.decoder_mlp = 128;
  return sizes;
}

// A standing body: all joints at rest, upright before a camera whose y points down.
std::vector<float> rest_pose_6d() {
  std::vector<float> pose;
  for (int joint = 0; joint < kJointCount; ++joint) {
    const float down = joint == 0 ? -1.0f : 1.0f;
    for (const float value : {1.0f, 0.0f, 0.0f, 0.0f, down, 0.0f}) pose.push_back(value);
  }
  return pose;
}

// Half of the crop's height, so that a whole frame's box shows the whole body.
constexpr float kCameraScale = 0.5f;

std::vector<float> values_for(const std::string& name, const Shape& shape, Random& random) {
  const auto count = static_cast<std::size_t>(element_count(shape));
  if (name == "smpl_head.init_body_pose") return rest_pose_6d();
  if (name == "smpl_head.init_cam") return {kCameraScale, 0, 0};
  std::vector<float> values(count, 0.0f);
  if (name == "smpl_head.init_betas" || name.ends_with(".bias")) return values;
  if (name.find("norm") != std::string::npos) {
    values.assign(count, 1.0f);
    return values;
  }
  // Wide enough that pictures differ, narrow enough that limbs keep to a body's range.
  const auto inputs = static_cast<double>(count) / static_cast<double>(shape.front());
  double deviation = std::min(0.05, 1 / std::sqrt(inputs));
  if (name == "smpl_head.deccam.weight") deviation = 0.002;
  if (name == "smpl_head.decshape.weight") deviation = 0.02;
  if (name == "smpl_head.decpose.weight") deviation = 0.02;
  for (float& value : values) value = static_cast<float>(deviation * random.normal());
  return values;
}

Status make_model(const std::filesystem::path& folder, std::uint64_t seed,
                  const std::string& size) {
  POSEFLEET_TRY(const NetworkSizes sizes, sizes_of(size));
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return rejected("cannot make " + folder.string() + ": " + error.message());
  Random random(seed);
  std::map<std::string, std::vector<float>> values;
  std::map<std::string, TensorView> tensors;
  for (const auto& [name, shape] : network_layout(sizes)) {
    std::vector<float>& numbers = values[name] = values_for(name, shape, random);
    tensors[name] = {DType::F32, shape, std::as_bytes(std::span(numbers))};
  }
  POSEFLEET_TRY_DO(write_safetensors(folder / "hmr2.safetensors", tensors, {}));
  POSEFLEET_TRY_DO(write_body(folder / "body.safetensors", make_capsule_body()));
  Manifest manifest;
  manifest.name = "random";
  manifest.network = sizes;
  manifest.licence = "The project's own; made from random numbers and formulas.";
  manifest.note =
      "random weights: the bodies show that the whole way works, not the poses of the people";
  return write_manifest(folder, manifest, {"hmr2.safetensors", "body.safetensors"});
}

}  // namespace
}  // namespace posefleet::training

int main(int argc, char** argv) {
  if (argc < 2 || argc > 4 || std::string(argv[1]).starts_with("-")) {
    std::fprintf(stderr,
                 "usage: posefleet-random-model FOLDER [SEED [tiny|full]]\n"
                 "Makes a model folder with random weights, for trying the program out.\n");
    return argc == 2 && std::string(argv[1]) == "--help" ? 0 : 2;
  }
  const std::uint64_t seed = argc >= 3 ? std::strtoull(argv[2], nullptr, 10) : 1;
  const std::string size = argc == 4 ? argv[3] : "tiny";
  const posefleet::Status made = posefleet::training::make_model(argv[1], seed, size);
  if (made) return 0;
  std::fprintf(stderr, "posefleet-random-model: %s\n", made.error().message.c_str());
  return 2;
}

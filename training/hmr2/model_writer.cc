#include "training/hmr2/model_writer.h"

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "common/model_folder/half.h"
#include "common/model_folder/model_folder.h"
#include "common/model_folder/safetensors.h"

namespace posefleet::training {
namespace {

constexpr const char* kManifest = "manifest.yaml";

// What another program put into the folder stays there: a detector and what the manifest says of
// it.
Result<Manifest> manifest_of(const std::filesystem::path& folder,
                             std::vector<std::string>& file_names) {
  Manifest manifest;
  file_names = {"hmr2.safetensors", "body.safetensors"};
  std::error_code error;
  if (!std::filesystem::exists(folder / kManifest, error)) return manifest;
  POSEFLEET_TRY(const Manifest before, read_manifest(folder / kManifest));
  manifest.detector = before.detector;
  for (const auto& [name, hash] : before.files) {
    const bool is_ours = name == "hmr2.safetensors" || name == "body.safetensors";
    if (!is_ours && std::filesystem::exists(folder / name, error)) file_names.push_back(name);
  }
  return manifest;
}

}  // namespace

Status write_model(const std::filesystem::path& folder, const ParameterLayout& layout,
                   std::span<const float> weights, const BodyData& body, const std::string& note) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return rejected(fmt::format("cannot make {}: {}", folder.string(), error.message()));
  std::vector<std::string> file_names;
  POSEFLEET_TRY(Manifest manifest, manifest_of(folder, file_names));

  std::map<std::string, std::vector<std::uint16_t>> halves;
  std::map<std::string, TensorView> tensors;
  for (const ParameterEntry& entry : layout.entries()) {
    if (!entry.is_exported) continue;
    std::vector<std::uint16_t>& numbers = halves[entry.name];
    for (const float value : part_of(weights, entry)) numbers.push_back(half_from_float(value));
    tensors[entry.name] = {DType::F16, entry.shape, std::as_bytes(std::span(numbers))};
  }
  POSEFLEET_TRY_DO(write_safetensors(folder / "hmr2.safetensors", tensors, {}));
  POSEFLEET_TRY_DO(write_body(folder / "body.safetensors", body));
  manifest.name = "demo";
  manifest.network = layout.sizes();
  manifest.licence =
      "The project's own: weights learned from pictures that the project draws of its own free "
      "body. "
      "May be used as the project's code may.";
  manifest.note = note;
  return write_manifest(folder, manifest, file_names);
}

}  // namespace posefleet::training

#include "worker/import/import.h"

#include <cmath>

#include <fmt/format.h>

#include "common/files/files.h"
#include "common/model_folder/manifest.h"
#include "common/model_folder/network_layout.h"
#include "worker/import/checkpoint.h"
#include "worker/import/import_body.h"
#include "worker/import/import_detector.h"
#include "worker/import/import_network.h"
#include "worker/import/model_config.h"

namespace posefleet {
namespace {

constexpr const char* kLicence =
    "Made from files that the user supplied; the licences under which the user got them apply to "
    "this folder. The released HMR2 weights and the SMPL body model are licensed for "
    "non-commercial research by their owners (SMPL: https://smpl.is.tue.mpg.de), and SMPL must "
    "not be passed on. Any other use needs a licence from them.";

bool is_empty_folder(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error) && std::filesystem::is_empty(path, error);
}

// A folder that holds a readable manifest and the files it lists, and nothing else: what an import
// wrote. A file beside them may be somebody's work, so such a folder is not replaced.
Status check_replaceable(const std::filesystem::path& folder) {
  std::error_code error;
  if (!std::filesystem::exists(std::filesystem::symlink_status(folder, error))) return done();
  if (is_empty_folder(folder)) return done();
  const auto manifest = read_manifest(folder / kManifestName);
  if (!manifest) {
    return rejected(
        fmt::format("{} exists and is no model folder, so it is not replaced ({}); "
                    "give another name",
                    folder.string(), manifest.error().message));
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name != kManifestName && !manifest->files.contains(name)) {
      return rejected(
          fmt::format("{} holds '{}', which is not the model's, so it is not replaced; "
                      "move it or give another name",
                      folder.string(), name));
    }
  }
  return done();
}

// `made` gets the name `target`. What had it is moved into `workspace`, which removes it.
Status put_in_place(const std::filesystem::path& made, const std::filesystem::path& target,
                    const std::filesystem::path& workspace) {
  std::error_code error;
  // The workspace was made for its owner only; a model is for every worker on the machine.
  std::filesystem::permissions(made, std::filesystem::perms(0755), error);
  const std::filesystem::path old = workspace / "old";
  const bool is_replacing = std::filesystem::exists(target, error) && !is_empty_folder(target);
  if (is_replacing) {
    std::filesystem::rename(target, old, error);
    if (error) {
      return rejected(fmt::format("cannot replace {}: {}", target.string(), error.message()));
    }
  }
  Status published = publish_file(made, target);
  if (!published && is_replacing) std::filesystem::rename(old, target, error);
  return published;
}

Manifest manifest_of(const ImportSources& sources, const ModelConfig& config,
                     const NetworkSizes& sizes) {
  return {.name = sources.name,
          .network = sizes,
          .focal_length = config.focal_length,
          .image_mean = config.image_mean,
          .image_std = config.image_std,
          .licence = kLicence};
}

// Mean parameters are in the checkpoint too; say so when they are not the same.
Status compare_means(Checkpoint& checkpoint, const MeanParameters& means, ImportReport& report) {
  for (const auto& [name, values] : means) {
    if (checkpoint.find(name) == nullptr) {
      report.notes.push_back(fmt::format("{} is taken from the mean parameters' file", name));
      continue;
    }
    POSEFLEET_TRY(const auto own, checkpoint.floats(name));
    float difference = 0;
    for (std::size_t i = 0; i < own.size(); ++i) {
      difference = std::max(difference, std::abs(own[i] - values[i]));
    }
    if (difference > 1e-6f) {
      report.notes.push_back(
          fmt::format("{} differs from the mean parameters' file by up to "
                      "{:.3g}; the checkpoint's is used",
                      name, difference));
    }
  }
  return done();
}

}  // namespace

Result<ImportReport> import_model(const ImportSources& sources,
                                  const std::filesystem::path& out_folder) {
  // "models/hmr2/" and "models/hmr2" are the same folder; only the latter has a name.
  const std::filesystem::path target =
      out_folder.has_filename() ? out_folder : out_folder.parent_path();
  if (!target.has_filename()) {
    return rejected(fmt::format("'{}' is no name for a folder", out_folder.string()));
  }
  POSEFLEET_TRY_DO(check_replaceable(target));
  POSEFLEET_TRY(const ModelConfig config, read_model_config(sources.config));
  POSEFLEET_TRY(const MeanParameters means, read_mean_parameters(sources.mean_params));
  POSEFLEET_TRY(const auto checkpoint, Checkpoint::open(sources.checkpoint));
  POSEFLEET_TRY(const NetworkSizes sizes, sizes_of(*checkpoint, config.network));
  const auto layout = network_layout(sizes);
  POSEFLEET_TRY_DO(check_network(*checkpoint, layout, means));
  POSEFLEET_TRY(ImportedBody body,
                import_body(*checkpoint, config, sources.smpl, sources.joint_regressor));

  ImportReport report{.vertex_count = body.data.vertex_count(),
                      .face_count = body.data.face_count(),
                      .body_from_checkpoint = body.from_checkpoint,
                      .notes = std::move(body.notes)};
  Manifest manifest = manifest_of(sources, config, sizes);
  if (sources.detector) {
    POSEFLEET_TRY(manifest.detector, describe_detector(*sources.detector, report.notes));
  }
  POSEFLEET_TRY_DO(compare_means(*checkpoint, means, report));
  for (const auto& [name, shape] : layout) report.parameter_count += element_count(shape);
  for (const auto& [name, tensor] : checkpoint->tensors()) {
    if (!layout.contains(name) && !is_body_tensor(name)) report.ignored.push_back(name);
  }

  // All sources fit together. From here on only the disk can fail, or a storage's checksum.
  const std::filesystem::path parent = target.has_parent_path() ? target.parent_path() : ".";
  POSEFLEET_TRY(const PrivateFolder workspace, PrivateFolder::create(parent, ".posefleet-import-"));
  const std::filesystem::path made = workspace.path() / "model";
  POSEFLEET_TRY_DO(make_writable_folder(made));
  std::vector<std::string> files = {"hmr2.safetensors", "body.safetensors"};
  POSEFLEET_TRY_DO(write_network(made / files[0], *checkpoint, layout, means));
  POSEFLEET_TRY_DO(write_body(made / files[1], body.data));
  if (sources.detector) {
    POSEFLEET_TRY_DO(copy_detector(*sources.detector, made));
    files.push_back(kDetectorName);
  }
  POSEFLEET_TRY_DO(write_manifest(made, manifest, files));
  POSEFLEET_TRY_DO(put_in_place(made, target, workspace.path()));
  POSEFLEET_TRY(report.folder, open_model_folder(target, HashCheck::SizesOnly));
  return report;
}

}  // namespace posefleet

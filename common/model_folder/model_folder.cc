#include "common/model_folder/model_folder.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "common/files/files.h"
#include "common/files/sha256.h"
#include "common/model_folder/manifest.h"

namespace posefleet {
namespace {

// Ours have two kilobytes. YAML's tree can take 500 times its text, so this bounds the memory too.
constexpr std::uint64_t kManifestSizeMax = 256u << 10;

Status check_file(const std::filesystem::path& path, std::uint64_t size, const std::string& sha256,
                  HashCheck check) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    return rejected(fmt::format("{} is missing; import the model again", path.string()));
  }
  if (!std::filesystem::is_regular_file(status)) {
    return rejected(fmt::format("{} is not a file", path.string()));
  }
  const std::uint64_t found = std::filesystem::file_size(path, error);
  if (error || found != size) {
    return rejected(fmt::format("{} has {} bytes, the manifest says {}; import the model again",
                                path.string(), found, size));
  }
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return rejected(fmt::format("cannot read {}: {}", path.string(), strerror(errno)));
  close(fd);
  if (check == HashCheck::SizesOnly) return done();
  POSEFLEET_TRY(const std::string hash, sha256_hex_of_file(path));
  if (hash != sha256) {
    return rejected(
        fmt::format("{} is damaged or was changed: its sha256 is {}, the manifest says {}; import "
                    "the model again",
                    path.string(), hash, sha256));
  }
  return done();
}

// Everything that changes what the model computes, in a fixed spelling. Name, licence and note do
// not, so correcting one leaves the model the same.
std::string hash_of(const Manifest& manifest) {
  const NetworkSizes& n = manifest.network;
  std::string text = fmt::format(
      "{}\n{} {} {} {}\n{} {} {} {} {}\n{}\n{}\n{}\n", manifest.kind, n.backbone_width,
      n.backbone_depth, n.backbone_heads, n.backbone_mlp, n.decoder_width, n.decoder_depth,
      n.decoder_heads, n.decoder_head_width, n.decoder_mlp, manifest.focal_length,
      fmt::join(manifest.image_mean, " "), fmt::join(manifest.image_std, " "));
  if (manifest.detector) text += to_text(*manifest.detector) + "\n";
  for (const auto& [name, sha256] : manifest.files) text += sha256 + " " + name + "\n";
  return sha256_hex(text);
}

}  // namespace

Result<Manifest> read_manifest(const std::filesystem::path& manifest_yaml) {
  POSEFLEET_TRY(const std::string text, read_whole_file(manifest_yaml, kManifestSizeMax));
  return parse_manifest(text, manifest_yaml.string());
}

Result<ModelFolder> open_model_folder(const std::filesystem::path& folder, HashCheck check) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) {
    return rejected(
        fmt::format("{} is no folder; a model folder is made by `posefleet model "
                    "import`",
                    folder.string()));
  }
  const std::filesystem::path manifest_path = folder / kManifestName;
  if (!std::filesystem::exists(manifest_path, ignored)) {
    return rejected(
        fmt::format("{} is no model folder: it has no {}", folder.string(), kManifestName));
  }
  ModelFolder model{.path = folder};
  POSEFLEET_TRY(model.manifest, read_manifest(manifest_path));
  for (const auto& needed : {model.weights_path(), model.body_path()}) {
    if (!model.manifest.files.contains(needed.filename().string())) {
      return rejected(
          fmt::format("{}: files has no '{}'", manifest_path.string(), needed.filename().string()));
    }
  }
  for (const auto& [name, sha256] : model.manifest.files) {
    POSEFLEET_TRY_DO(check_file(folder / name, model.manifest.file_sizes.at(name), sha256, check));
  }
  model.model_hash = hash_of(model.manifest);
  return model;
}

Status write_manifest(const std::filesystem::path& folder, Manifest manifest,
                      const std::vector<std::string>& file_names) {
  manifest.files.clear();
  manifest.file_sizes.clear();
  for (const std::string& name : file_names) {
    if (!is_plain_file_name(name)) {
      return rejected(fmt::format("'{}' is no plain file name", name));
    }
    POSEFLEET_TRY(manifest.files[name], sha256_hex_of_file(folder / name));
    std::error_code error;
    manifest.file_sizes[name] = std::filesystem::file_size(folder / name, error);
    if (error) {
      return rejected(fmt::format("cannot read {}: {}", (folder / name).string(), error.message()));
    }
  }
  const std::string text = format_manifest(manifest);
  // What was written must be readable: a manifest that holds a wrong number is noticed here.
  const auto checked = parse_manifest(text, (folder / kManifestName).string());
  if (!checked) return checked.error();
  return write_file_durably(folder / kManifestName, text);
}

}  // namespace posefleet

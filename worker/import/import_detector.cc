#include "worker/import/import_detector.h"

#include <optional>

#include <fmt/format.h>

#include "worker/import/zip.h"

namespace posefleet {
namespace {

// Ours have two kilobytes: eighty class names.
constexpr std::uint64_t kConfigSizeMax = 1 << 20;

// The archive's one folder has any name; what lies in it does not.
std::optional<std::string> entry_ending(const ZipArchive& archive, std::string_view end) {
  for (const auto& [name, entry] : archive.entries()) {
    const std::size_t slash = name.find('/');
    if (slash != std::string::npos && std::string_view(name).substr(slash) == end) return name;
  }
  return std::nullopt;
}

bool has_code(const ZipArchive& archive) {
  for (const auto& [name, entry] : archive.entries()) {
    if (name.find("/code/") != std::string::npos) return true;
  }
  return false;
}

}  // namespace

Result<DetectorManifest> describe_detector(const std::filesystem::path& path,
                                           std::vector<std::string>& notes) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return rejected(
        fmt::format("{} is not a file; expected a TorchScript detector", path.string()));
  }
  auto archive = ZipArchive::open(path);
  if (!archive) return in_context("the detector is no TorchScript file", archive.error());
  if (!has_code(**archive) || !entry_ending(**archive, "/constants.pkl")) {
    return rejected(fmt::format(
        "{} holds no TorchScript program (a checkpoint of weights alone does not do); export the "
        "detector as TorchScript",
        path.string()));
  }
  const auto config_name = entry_ending(**archive, "/extra/config.txt");
  if (!config_name) {
    notes.push_back(fmt::format(
        "{} does not describe itself; 640 pixels, a letterbox and class 0 for people are assumed, "
        "and its layout is told by its output's shape; correct the manifest where this is wrong",
        path.string()));
    return DetectorManifest{.file = kDetectorName};
  }
  POSEFLEET_TRY(const std::string config, (*archive)->read(*config_name, kConfigSizeMax));
  POSEFLEET_TRY(const DetectorManifest own, read_detector_config(config, path.string()));
  return merged({.file = kDetectorName}, own);
}

Status copy_detector(const std::filesystem::path& path, const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::copy_file(path, folder / kDetectorName, error);
  if (error) return retry(fmt::format("cannot copy {}: {}", path.string(), error.message()));
  return done();
}

}  // namespace posefleet

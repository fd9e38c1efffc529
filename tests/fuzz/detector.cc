#include "common/base/check.h"
#include "common/model_folder/manifest.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/targets.h"
#include "worker/import/import_detector.h"

namespace posefleet::fuzz {
namespace {

// What a detector says of itself is written into a manifest, which must be readable.
void check_fits_manifest(const DetectorManifest& detector) {
  Manifest manifest;
  manifest.name = "m";
  manifest.image_mean = {0.5f, 0.5f, 0.5f};
  manifest.image_std = {0.5f, 0.5f, 0.5f};
  manifest.detector = merged({.file = kDetectorName}, detector);
  manifest.files[kDetectorName] = std::string(64, 'a');
  manifest.file_sizes[kDetectorName] = 1;
  const auto again = parse_manifest(format_manifest(manifest), "manifest.yaml");
  POSEFLEET_CHECK(again.has_value());
  POSEFLEET_CHECK(again->detector == manifest.detector);
}

}  // namespace

// As the description inside a detector's archive, and as the archive.
void fuzz_detector(std::span<const std::byte> input) {
  const auto config = read_detector_config(text_of(input), "detector.pt");
  if (config) {
    check_fits_manifest(*config);
  } else {
    POSEFLEET_CHECK(config.error().message.starts_with("detector.pt:"));
  }
  const MemoryFile file(input);
  std::vector<std::string> notes;
  const auto described = describe_detector(file.path(), notes);
  if (described) check_fits_manifest(*described);
}

}  // namespace posefleet::fuzz

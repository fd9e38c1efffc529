#include "common/model_folder/manifest.h"

#include "common/base/check.h"
#include "tests/fuzz/targets.h"

namespace posefleet::fuzz {

// What was read can be written, and reads back to what writes the same.
void fuzz_manifest(std::span<const std::byte> input) {
  const auto manifest = parse_manifest(std::string(text_of(input)), "manifest.yaml");
  if (!manifest) {
    POSEFLEET_CHECK(manifest.error().message.starts_with("manifest.yaml:"));
    return;
  }
  const std::string text = format_manifest(*manifest);
  const auto again = parse_manifest(text, "again.yaml");
  POSEFLEET_CHECK(again.has_value());
  POSEFLEET_CHECK(format_manifest(*again) == text);
  POSEFLEET_CHECK(again->detector == manifest->detector);
}

}  // namespace posefleet::fuzz

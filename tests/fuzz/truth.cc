#include "common/accuracy/truth.h"

#include <string>

#include "common/base/check.h"
#include "tests/fuzz/targets.h"

namespace posefleet::fuzz {

void fuzz_truth(std::span<const std::byte> input) {
  const std::string text(text_of(input));
  const auto truth = truth_of_text(text, "input.json");
  if (!truth) {
    POSEFLEET_CHECK(truth.error().message.find("input.json") != std::string::npos);
    return;
  }
  // Numbers are rounded once; people and frames stay.
  const auto written = truth_to_text(*truth, "again.json");
  POSEFLEET_CHECK(written.has_value());
  const auto again = truth_of_text(*written, "again.json");
  POSEFLEET_CHECK(again.has_value());
  POSEFLEET_CHECK(again->frames.size() == truth->frames.size());
  for (std::size_t i = 0; i < truth->frames.size(); ++i) {
    POSEFLEET_CHECK(again->frames[i].people.size() == truth->frames[i].people.size());
  }
}

}  // namespace posefleet::fuzz

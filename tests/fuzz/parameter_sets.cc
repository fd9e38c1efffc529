#include "common/media/parameter_sets.h"

#include "common/base/check.h"
#include "tests/fuzz/targets.h"

namespace posefleet::fuzz {

// A worker's segment brings these bytes. What was picked out of them holds nothing else.
void fuzz_parameter_sets(std::span<const std::byte> input) {
  const std::string sets = av::parameter_sets_of(text_of(input));
  POSEFLEET_CHECK(sets.size() <= input.size());
  POSEFLEET_CHECK(av::parameter_sets_of(sets) == sets);
}

}  // namespace posefleet::fuzz

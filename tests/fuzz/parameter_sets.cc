#include "common/media/parameter_sets.h"

#include "common/base/check.h"
#include "tests/fuzz/targets.h"

namespace posefleet::fuzz {

// A worker's segment brings these bytes. What was picked out of them holds nothing else.
void fuzz_parameter_sets(std::span<const std::byte> input) {
  for (const char* codec : {"h264", "hevc", "av1"}) {
    EncodedSegment segment;
    segment.codec = codec;
    segment.extradata = text_of(input);
    const std::string sets = av::parameter_sets_of(segment);
    POSEFLEET_CHECK(sets.size() <= input.size());
    segment.extradata = sets;
    POSEFLEET_CHECK(av::parameter_sets_of(segment) == sets);
  }
}

}  // namespace posefleet::fuzz

#include "tests/fuzz/targets.h"
#include "tests/fuzz/wire.h"

namespace posefleet::fuzz {

// Messages do not say which kind they are; the receiver knows. So all of a family's decoders run.
void fuzz_wire_control(std::span<const std::byte> input) {
  check_message(decode_worker_message, text_of(input));
  check_message(decode_coordinator_message, text_of(input));
}

}  // namespace posefleet::fuzz

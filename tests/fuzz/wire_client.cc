#include "tests/fuzz/targets.h"
#include "tests/fuzz/wire.h"

namespace posefleet::fuzz {

void fuzz_wire_client(std::span<const std::byte> input) {
  check_message(decode_client_request, text_of(input));
  check_message(decode_client_reply, text_of(input));
}

}  // namespace posefleet::fuzz

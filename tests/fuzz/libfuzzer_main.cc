// libFuzzer's entry point; compiled once for each target, whose function POSEFLEET_FUZZ_TARGET is.
#include <cstdint>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  posefleet::fuzz::POSEFLEET_FUZZ_TARGET(std::as_bytes(std::span(data, size)));
  return 0;
}

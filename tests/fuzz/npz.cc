#include "worker/import/npz.h"

#include "tests/fuzz/arrays.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/targets.h"

namespace posefleet::fuzz {

// As an archive, and as what lies in one: behind the archive's checksum no change would survive.
void fuzz_npz(std::span<const std::byte> input) {
  if (const auto array = parse_npy(text_of(input))) check_array(*array);
  const MemoryFile file(input);
  const auto arrays = read_npz(file.path());
  if (!arrays) {
    POSEFLEET_CHECK(arrays.error().message.find(file.path().string()) != std::string::npos);
    return;
  }
  for (const auto& [name, array] : *arrays) check_array(array);
}

}  // namespace posefleet::fuzz

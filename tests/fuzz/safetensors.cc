#include "common/model_folder/safetensors.h"

#include "common/base/check.h"
#include "common/model_folder/safetensors_head.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/targets.h"

namespace posefleet::fuzz {

// As a head, and as a whole file.
void fuzz_safetensors(std::span<const std::byte> input) {
  const auto head = parse_safetensors_head(text_of(input));
  if (head) {
    for (const auto& [name, entry] : head->entries) POSEFLEET_CHECK(entry.data_offsets.size() == 2);
  }
  const MemoryFile file(input);
  const auto opened = Safetensors::open(file.path());
  if (!opened) {
    POSEFLEET_CHECK(opened.error().message.find(file.path().string()) != std::string::npos);
    return;
  }
  std::size_t total = 0;
  for (const auto& [name, view] : (*opened)->tensors()) {
    const auto count = static_cast<std::size_t>(element_count(view.shape));
    POSEFLEET_CHECK(view.bytes.size() == count * size_of(view.dtype));
    POSEFLEET_CHECK(reinterpret_cast<std::uintptr_t>(view.bytes.data()) % size_of(view.dtype) == 0);
    total += view.bytes.size();
  }
  POSEFLEET_CHECK(total <= input.size());
}

}  // namespace posefleet::fuzz

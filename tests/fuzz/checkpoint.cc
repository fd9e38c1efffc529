#include "worker/import/checkpoint.h"

#include <algorithm>

#include "common/base/check.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/targets.h"
#include "tests/worker/import/zip_builder.h"

namespace posefleet::fuzz {
namespace {

constexpr int kTensorsMax = 50;

void check_tensors(Checkpoint& checkpoint, std::size_t file_size) {
  int left = kTensorsMax;
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    if (left-- == 0) return;
    const auto count = static_cast<std::size_t>(element_count(tensor.shape));
    POSEFLEET_CHECK(tensor.strides.size() == tensor.shape.size());
    const auto floats = checkpoint.floats(name);
    const auto integers = checkpoint.integers(name);
    POSEFLEET_CHECK(!floats || !integers);  // a tensor is of one kind
    if (floats) POSEFLEET_CHECK(floats->size() == count);
    if (integers) POSEFLEET_CHECK(integers->size() == count);
    // Storages are not packed, and no tensor is larger than its storage.
    if (floats || integers) POSEFLEET_CHECK(count <= file_size);
  }
}

void check_file(std::span<const std::byte> bytes) {
  const MemoryFile file(bytes);
  const auto checkpoint = Checkpoint::open(file.path());
  if (checkpoint) {
    check_tensors(**checkpoint, bytes.size());
  } else {
    POSEFLEET_CHECK(checkpoint.error().message.find(file.path().string()) != std::string::npos);
  }
}

}  // namespace

void fuzz_checkpoint(std::span<const std::byte> input) {
  check_file(input);
}

// Two storages of 64 bytes, numbers of any type.
void fuzz_checkpoint_pickle(std::span<const std::byte> input) {
  const std::string zip = tests::zip_of({{"archive/data.pkl", std::string(text_of(input))},
                                         {"archive/data/0", std::string(64, '\x3f')},
                                         {"archive/data/1", std::string(64, '\1')}});
  check_file(std::as_bytes(std::span(zip)));
}

}  // namespace posefleet::fuzz

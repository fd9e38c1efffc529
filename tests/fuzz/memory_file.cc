#include "tests/fuzz/memory_file.h"

#include <string>

#include <sys/mman.h>
#include <unistd.h>

#include "common/base/check.h"

namespace posefleet::fuzz {

MemoryFile::MemoryFile(std::span<const std::byte> bytes)
    : fd_(memfd_create("input", MFD_CLOEXEC)), path_("/proc/self/fd/" + std::to_string(fd_)) {
  POSEFLEET_CHECK(fd_ >= 0);
  while (!bytes.empty()) {
    const ssize_t count = write(fd_, bytes.data(), bytes.size());
    POSEFLEET_CHECK(count > 0);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

MemoryFile::~MemoryFile() {
  close(fd_);
}

}  // namespace posefleet::fuzz

// A file that is only in memory, for parsers that take a path: a hundred thousand inputs a run
// would wear a disk out and be slow.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace posefleet::fuzz {

// Goes away with the object. Linux (memfd_create).
class MemoryFile final {
 public:
  explicit MemoryFile(std::span<const std::byte> bytes);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  int fd_;
  std::filesystem::path path_;
};

}  // namespace posefleet::fuzz

// A file that is open for reading, and how to tell that it is still the same.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "common/base/result.h"

namespace posefleet {

// What changes when a file is written to or another one takes its name. A value.
struct FileStamp {
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileStamp&) const = default;
};

// Owns a descriptor; moves. Reading does not touch a common position, so that any thread may.
class OpenFile final {
 public:
  // Rejected when it is not there or not a regular file (a pipe would block whoever opens it).
  static Result<OpenFile> open(const std::filesystem::path& path);
  OpenFile(OpenFile&& other) noexcept;
  OpenFile& operator=(OpenFile&& other) noexcept;
  ~OpenFile();

  // As it is now.
  FileStamp stamp() const;
  // Fills `to` from `offset`. Retry: the file is shorter, or the disk fails.
  Status read(std::uint64_t offset, std::span<char> to) const;

 private:
  explicit OpenFile(int fd) : fd_(fd) {}
  int fd_ = -1;
};

// SHA-256 of the size, the first and the last 64 KiB: tells apart files that are not the same in a
// fraction of a millisecond, for whatever size. Two versions of a video differ there: containers
// keep sizes, times and indices at one of the ends. It is no proof of equality against somebody who
// wants to deceive.
Result<std::string> fingerprint_of(const OpenFile& file);

}  // namespace posefleet

// A file seen as bytes in memory without reading it: the kernel fetches the pages that are touched,
// and two processes that map one file share them.
//
// The price: whoever cuts the file while it is mapped makes a later access end the process
// (SIGBUS). Model files are replaced by renaming, never changed in place, so the mapped bytes stay.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include "common/base/result.h"

namespace posefleet {

// Read-only. The bytes live as long as this object; several threads may read them.
class MappedFile final {
 public:
  // A folder, a pipe or a file that cannot be read is refused; an empty file has no bytes.
  static Result<std::unique_ptr<const MappedFile>> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }

 private:
  MappedFile(std::filesystem::path path, const std::byte* data, std::size_t size)
      : path_(std::move(path)), data_(data), size_(size) {}

  std::filesystem::path path_;
  const std::byte* data_;
  std::size_t size_;
};

}  // namespace posefleet

// Zip archives: checkpoints and .npz files are such.
//
// Only what they use: stored and deflated entries, the 64-bit fields of large files, no encryption,
// no archives in several parts. The file is mapped; a stored entry's bytes are used where they lie,
// which is why a checkpoint of gigabytes can be read on a small machine. Whatever the archive's
// directory says is checked against the file before it is believed, and bytes against their CRC
// before they are handed out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/model_folder/mapped_file.h"

namespace posefleet {

struct ZipEntry {
  bool is_deflated = false;
  std::uint32_t crc = 0;
  std::uint64_t packed_size = 0;
  std::uint64_t size = 0;
  std::uint64_t header_at = 0;  // of the local header, from the start of the file
};

// Immutable once open; several threads may read.
class ZipArchive final {
 public:
  static Result<std::unique_ptr<const ZipArchive>> open(const std::filesystem::path& path);
  ZipArchive(const ZipArchive&) = delete;
  ZipArchive& operator=(const ZipArchive&) = delete;

  const std::filesystem::path& path() const { return file_->path(); }
  // By name, in name order.
  const std::map<std::string, ZipEntry>& entries() const { return entries_; }
  bool contains(const std::string& name) const { return entries_.contains(name); }

  // The bytes of a stored entry where they lie; they live as long as the archive. The CRC is
  // checked on each call, so ask once. An error for a deflated entry.
  Result<std::string_view> stored(const std::string& name) const;

  // A copy of the entry's bytes, unpacked if need be; refuses entries above `size_max`.
  Result<std::string> read(const std::string& name, std::uint64_t size_max) const;

 private:
  explicit ZipArchive(std::unique_ptr<const MappedFile> file) : file_(std::move(file)) {}

  Status read_directory();
  Result<std::string_view> packed(const std::string& name, const ZipEntry& entry) const;
  Error broken(const std::string& name, std::string_view what) const;

  std::unique_ptr<const MappedFile> file_;
  std::map<std::string, ZipEntry> entries_;
};

}  // namespace posefleet

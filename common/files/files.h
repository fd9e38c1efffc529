// Files that are either whole or not there, and folders that go away by themselves.
//
// Whoever is killed while writing must not leave half a file under its final name. So bytes go to
// a temporary name in the same folder, are forced to disk, and get their name by a rename; the
// folder is forced to disk too, since the name lives there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace posefleet {

// Reads a whole file; refuses one larger than `size_max` bytes, naming both sizes.
Result<std::string> read_whole_file(const std::filesystem::path& path, std::uint64_t size_max);

// Bytes [offset, offset + size) of a file; an error when it ends before.
struct FilePart {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};
Result<std::string> read_file_part(const std::filesystem::path& path, const FilePart& part);

// Writes, forces to disk, renames, forces the folder to disk.
Status write_file_durably(const std::filesystem::path& path, std::string_view bytes);

// The same for what only the owner may read (mode 0600, at no moment more). Rejected when the file
// is there and may not be replaced: of two that write at the same time one wins, the other is told.
struct PrivateFileOptions {
  bool may_replace = false;
};
Status write_private_file(const std::filesystem::path& path, std::string_view bytes,
                          const PrivateFileOptions& options = {});

// Forces an existing file to disk, gives it its final name, forces the folder to disk.
Status publish_file(const std::filesystem::path& temporary, const std::filesystem::path& path);

// Forces the folder that holds `path` to disk: the names in it.
Status sync_folder_of(const std::filesystem::path& path);

// Creates the folder and its parents, and checks that a file can be written into it.
Status make_writable_folder(const std::filesystem::path& folder);

// A folder with a random name, for the owner only, removed with all it holds when this goes.
class PrivateFolder final {
 public:
  // Made inside `parent`, named `prefix` and random letters.
  static Result<PrivateFolder> create(const std::filesystem::path& parent,
                                      const std::string& prefix);
  PrivateFolder(PrivateFolder&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
  }
  PrivateFolder& operator=(PrivateFolder&&) = delete;
  ~PrivateFolder();

  const std::filesystem::path& path() const { return path_; }

 private:
  explicit PrivateFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace posefleet

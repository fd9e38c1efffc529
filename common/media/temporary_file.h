// Private to common/media: the name under which an output is written until it is whole.
#pragma once

#include <filesystem>

#include <fmt/format.h>
#include <unistd.h>

namespace posefleet::av {

// Removes the unfinished file, whichever way the function is left; one that was renamed to its
// final name is not there any more.
class TemporaryFile final {
 public:
  explicit TemporaryFile(const std::filesystem::path& out)
      : path_(out.string() + fmt::format(".part-{}", getpid())) {}
  ~TemporaryFile() { unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace posefleet::av

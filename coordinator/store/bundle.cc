#include "coordinator/store/bundle.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/files/files.h"

namespace posefleet {
namespace {

Error bundle_error(std::string_view what, const std::filesystem::path& path) {
  return retry("cannot " + std::string(what) + " " + path.string() + ": " + strerror(errno));
}

}  // namespace

Result<std::unique_ptr<Bundle>> Bundle::create(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return bundle_error("create", path);
  std::unique_ptr<Bundle> bundle(new Bundle(path, fd));
  POSEFLEET_TRY_DO(sync_folder_of(path));
  return bundle;
}

Bundle::~Bundle() {
  close(fd_);
}

Result<std::uint64_t> Bundle::append(std::string_view bytes) {
  POSEFLEET_CHECK(is_usable_);
  const std::uint64_t begin = size_;
  std::uint64_t at = begin;
  while (!bytes.empty()) {
    const ssize_t count = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return bundle_error("write", path_);
    bytes.remove_prefix(static_cast<std::size_t>(count));
    at += static_cast<std::uint64_t>(count);
  }
  size_ = at;
  return begin;
}

Status Bundle::sync() {
  if (fdatasync(fd_) == 0) return done();
  is_usable_ = false;
  return bundle_error("force to disk", path_);
}

}  // namespace posefleet

#include "common/files/open_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/files/sha256.h"

namespace posefleet {

Result<OpenFile> OpenFile::open(const std::filesystem::path& path) {
  // O_NONBLOCK has no meaning for files; a pipe is opened without waiting and then refused.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    return rejected(fmt::format("cannot open {}: {}", path.string(), std::strerror(errno)));
  }
  OpenFile file(fd);
  struct stat info {};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    return rejected(fmt::format("{} is not a regular file", path.string()));
  }
  return file;
}

OpenFile::OpenFile(OpenFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

OpenFile& OpenFile::operator=(OpenFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

OpenFile::~OpenFile() {
  if (fd_ >= 0) close(fd_);
}

FileStamp OpenFile::stamp() const {
  struct stat info {};
  if (fstat(fd_, &info) != 0) return {};
  constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
  return {.size = static_cast<std::uint64_t>(info.st_size),
          .modified_ns = info.st_mtim.tv_sec * kNanosecondsPerSecond + info.st_mtim.tv_nsec,
          .inode = info.st_ino};
}

Status OpenFile::read(std::uint64_t offset, std::span<char> to) const {
  std::size_t done_bytes = 0;
  while (done_bytes < to.size()) {
    const ssize_t got = pread(fd_, to.data() + done_bytes, to.size() - done_bytes,
                              static_cast<off_t>(offset + done_bytes));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return retry(fmt::format("cannot read: {}", std::strerror(errno)));
    if (got == 0) {
      return retry(fmt::format("the file ends at {}, bytes up to {} were wanted",
                               offset + done_bytes, offset + to.size()));
    }
    done_bytes += static_cast<std::size_t>(got);
  }
  return done();
}

Result<std::string> fingerprint_of(const OpenFile& file) {
  constexpr std::uint64_t kEnd = 64 << 10;
  const std::uint64_t size = file.stamp().size;
  Sha256 hash;
  hash.add(std::to_string(size) + "\n");
  std::string bytes(std::min(size, kEnd), '\0');
  POSEFLEET_TRY_DO(file.read(0, bytes));
  hash.add(bytes);
  POSEFLEET_TRY_DO(file.read(size - bytes.size(), bytes));
  hash.add(bytes);
  return hash.hex();
}

}  // namespace posefleet

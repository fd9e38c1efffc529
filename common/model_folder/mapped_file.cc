#include "common/model_folder/mapped_file.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace posefleet {

Result<std::unique_ptr<const MappedFile>> MappedFile::open(const std::filesystem::path& path) {
  // Non-blocking, or opening a pipe that somebody put there would wait for ever.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return rejected(fmt::format("cannot read {}: {}", path.string(), strerror(errno)));
  struct stat info {};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    close(fd);
    return rejected(fmt::format("{} is not a file", path.string()));
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  void* data = nullptr;
  // Mapping nothing is an error for the kernel, and no bytes need no mapping.
  if (size > 0) data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  const int map_errno = errno;
  close(fd);
  if (data == MAP_FAILED) {
    return Error{ErrorCode::Retry, fmt::format("cannot map {} ({} bytes): {}", path.string(), size,
                                               strerror(map_errno))};
  }
  return std::unique_ptr<const MappedFile>(
      new MappedFile(path, static_cast<const std::byte*>(data), size));
}

MappedFile::~MappedFile() {
  if (size_ > 0) munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace posefleet

#include "common/files/files.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace posefleet {
namespace {

// A file descriptor that closes itself.
class Descriptor final {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

 private:
  int fd_;
};

Error system_error(std::string_view what, const std::filesystem::path& path, int code) {
  // A full disk or a lost mount may pass; a missing file or permission will not.
  const bool passes = code == ENOSPC || code == EDQUOT || code == EIO || code == EMFILE;
  return {passes ? ErrorCode::Retry : ErrorCode::Rejected,
          fmt::format("cannot {} {}: {}", what, path.string(), strerror(code))};
}

Error system_error(std::string_view what, const std::filesystem::path& path) {
  return system_error(what, path, errno);
}

Status write_all(int fd, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return done();
}

}  // namespace

Result<std::string> read_whole_file(const std::filesystem::path& path, std::uint64_t size_max) {
  const Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return system_error("read", path);
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return system_error("read", path);
  if (S_ISDIR(info.st_mode)) return rejected(fmt::format("{} is a folder", path.string()));
  if (static_cast<std::uint64_t>(info.st_size) > size_max) {
    return rejected(
        fmt::format("{} has {} bytes; at most {} are read", path.string(), info.st_size, size_max));
  }
  // To the end, not to the size: a pipe (a shell's <(...)) has none, and a file may grow or shrink.
  std::string bytes(static_cast<std::size_t>(info.st_size) + 1, '\0');
  std::size_t filled = 0;
  while (true) {
    if (filled == bytes.size()) bytes.resize(2 * bytes.size());
    const ssize_t count = read(fd.get(), bytes.data() + filled, bytes.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("read", path);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
    if (filled > size_max) {
      return rejected(fmt::format("{} has more than {} bytes; at most {} are read", path.string(),
                                  size_max, size_max));
    }
  }
  bytes.resize(filled);
  return bytes;
}

Result<std::string> read_file_part(const std::filesystem::path& path, const FilePart& part) {
  const Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return system_error("read", path);
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return system_error("read", path);
  const auto size = static_cast<std::uint64_t>(info.st_size);
  // Asked before memory is taken: the numbers may come from a damaged record.
  if (part.offset > size || part.size > size - part.offset) {
    return rejected(fmt::format("{} has {} bytes; {} from byte {} on are wanted", path.string(),
                                size, part.size, part.offset));
  }
  std::string bytes(part.size, '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t count = pread(fd.get(), bytes.data() + filled, bytes.size() - filled,
                                static_cast<off_t>(part.offset + filled));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("read", path);
    if (count == 0) return rejected(fmt::format("{} ended while it was read", path.string()));
    filled += static_cast<std::size_t>(count);
  }
  return bytes;
}

Status write_file_durably(const std::filesystem::path& path, std::string_view bytes) {
  const std::filesystem::path temporary = path.string() + fmt::format(".part-{}", getpid());
  {
    const Descriptor fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!fd.is_open()) return system_error("create", temporary);
    if (Status written = write_all(fd.get(), bytes, temporary); !written) {
      unlink(temporary.c_str());
      return written;
    }
  }
  Status published = publish_file(temporary, path);
  if (!published) unlink(temporary.c_str());
  return published;
}

Status write_private_file(const std::filesystem::path& path, std::string_view bytes,
                          const PrivateFileOptions& options) {
  // A new name, so that no file of an earlier attempt lends its mode; made with mode 0600.
  std::string temporary = path.string() + ".part-XXXXXX";
  {
    const Descriptor fd(mkostemp(temporary.data(), O_CLOEXEC));
    if (!fd.is_open()) return system_error("create a file beside", path);
    Status written = write_all(fd.get(), bytes, temporary);
    if (written && fsync(fd.get()) != 0) written = system_error("force to disk", temporary);
    if (!written) {
      unlink(temporary.c_str());
      return written;
    }
  }
  if (options.may_replace) {
    Status published = publish_file(temporary, path);
    if (!published) unlink(temporary.c_str());
    return published;
  }
  // Unlike a rename, a second name for a file fails where one is already.
  const bool is_linked = link(temporary.c_str(), path.c_str()) == 0;
  const Status failed = is_linked ? done() : Status(system_error("create", path));
  unlink(temporary.c_str());
  if (!is_linked) return failed;
  return sync_folder_of(path);
}

Status sync_folder_of(const std::filesystem::path& path) {
  std::filesystem::path folder = path.parent_path();
  if (folder.empty()) folder = ".";
  const Descriptor fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open() || fsync(fd.get()) != 0) return system_error("force to disk", folder);
  return done();
}

Status publish_file(const std::filesystem::path& temporary, const std::filesystem::path& path) {
  {
    const Descriptor fd(open(temporary.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.is_open() || fsync(fd.get()) != 0) return system_error("force to disk", temporary);
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) return system_error("rename to", path);
  return sync_folder_of(path);
}

Status make_writable_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return system_error("create folder", folder, error.value());
  }
  // Permission bits do not tell (root, read-only mounts, quotas): try.
  std::string name = (folder / ".posefleet-write-test-XXXXXX").string();
  const Descriptor fd(mkstemp(name.data()));
  if (!fd.is_open()) {
    return system_error("write into folder", folder);
  }
  unlink(name.c_str());
  return done();
}

Result<PrivateFolder> PrivateFolder::create(const std::filesystem::path& parent,
                                            const std::string& prefix) {
  std::error_code error;
  std::filesystem::create_directories(parent, error);
  std::string name = (parent / (prefix + "XXXXXX")).string();
  if (mkdtemp(name.data()) == nullptr) return system_error("create a folder in", parent);
  return PrivateFolder(name);
}

PrivateFolder::~PrivateFolder() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace posefleet

#include "common/media/picture_files.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "common/files/files.h"
#include "common/files/sha256.h"

namespace posefleet {
namespace {

namespace fs = std::filesystem;

// ISO/IEC 15948, 5.2.
constexpr std::string_view kPngSignature{"\x89PNG\r\n\x1a\n", 8};

// The folder under the name it has until it is whole; removed unless it was renamed.
class TemporaryFolder final {
 public:
  explicit TemporaryFolder(const fs::path& out)
      : path_(out.string() + fmt::format(".part-{}", getpid())) {}
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

Error system_error(const fs::path& path) {
  const int code = errno;
  const bool may_pass = code == ENOSPC || code == EDQUOT || code == EIO || code == EMFILE;
  return {may_pass ? ErrorCode::Retry : ErrorCode::Rejected,
          fmt::format("cannot write {}: {}", path.string(), std::strerror(code))};
}

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

Status write_file(const fs::path& path, std::string_view bytes) {
  std::unique_ptr<std::FILE, FileCloser> file(std::fopen(path.c_str(), "wb"));
  if (file == nullptr) return system_error(path);
  if (std::fwrite(bytes.data(), 1, bytes.size(), file.get()) != bytes.size()) {
    return system_error(path);
  }
  return std::fclose(file.release()) == 0 ? done() : Status(system_error(path));
}

// Once for all files: a folder of a film holds a hundred thousand, and each would take
// milliseconds by itself.
Status force_to_disk(const fs::path& folder) {
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return system_error(folder);
  const bool was_forced = syncfs(descriptor) == 0;
  const Status status = was_forced ? done() : Status(system_error(folder));
  close(descriptor);
  return status;
}

Status publish_folder(const fs::path& temporary, const fs::path& out) {
  POSEFLEET_TRY_DO(force_to_disk(temporary));
  std::error_code error;
  fs::remove_all(out, error);
  fs::rename(temporary, out, error);
  if (error) return rejected(fmt::format("cannot write {}: {}", out.string(), error.message()));
  return sync_folder_of(out);
}

Status check_picture(const FrameTable& table, std::uint32_t frame, const EncodedPacket& packet) {
  if (frame >= table.frame_count()) {
    return rejected(
        fmt::format("the segments hold more frames than the video's {}", table.frame_count()));
  }
  if (packet.pts != table.pts[frame]) {
    return rejected(
        fmt::format("a segment has a frame at tick {} where frame {} at tick {} should be",
                    packet.pts, frame, table.pts[frame]));
  }
  if (!packet.bytes.starts_with(kPngSignature)) {
    return rejected(fmt::format("the picture of frame {} is no PNG", frame));
  }
  return done();
}

}  // namespace

std::string picture_file_name(std::uint32_t frame) {
  return fmt::format("frame_{:06}.png", frame);
}

Result<PictureFilesReport> write_picture_files(const FrameTable& table,
                                               const SegmentSource& segment,
                                               std::size_t segment_count, const fs::path& out) {
  const TemporaryFolder temporary(out);
  std::error_code error;
  fs::remove_all(temporary.path(), error);
  fs::create_directory(temporary.path(), error);
  if (error) return rejected(fmt::format("cannot write {}: {}", out.string(), error.message()));
  PictureFilesReport report;
  Sha256 hash;
  for (std::size_t i = 0; i < segment_count; ++i) {
    auto loaded = segment(i);
    if (!loaded) return in_context(fmt::format("segment {}", i), loaded.error());
    for (const EncodedPacket& packet : loaded->packets) {
      POSEFLEET_TRY_DO(check_picture(table, report.frames, packet));
      POSEFLEET_TRY_DO(
          write_file(temporary.path() / picture_file_name(report.frames), packet.bytes));
      hash.add(packet.bytes);
      report.bytes += packet.bytes.size();
      ++report.frames;
    }
  }
  if (report.frames != table.frame_count()) {
    return rejected(fmt::format("the {} segments hold {} frames, the video has {}", segment_count,
                                report.frames, table.frame_count()));
  }
  POSEFLEET_TRY_DO(publish_folder(temporary.path(), out));
  report.sha256 = hash.hex();
  return report;
}

}  // namespace posefleet

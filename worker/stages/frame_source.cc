#include "worker/stages/frame_source.h"

#include "common/files/open_file.h"
#include "common/media/frame_table.h"

namespace posefleet {
namespace {

// Whether the file here is the one that the coordinator planned with. Its time is not asked about:
// a copy has another one.
Status check_is_here(const TaskFrames& frames) {
  if (frames.fingerprint.empty()) return check_source_unchanged(frames.source);
  POSEFLEET_TRY(const OpenFile file, OpenFile::open(frames.source.path));
  if (const std::uint64_t size = file.stamp().size; size != frames.source.size) {
    return rejected(frames.source.path + " has " + std::to_string(size) +
                    " bytes on this machine, the job's source has " +
                    std::to_string(frames.source.size));
  }
  POSEFLEET_TRY(const std::string fingerprint, fingerprint_of(file));
  if (fingerprint == frames.fingerprint) return done();
  return rejected(frames.source.path + " on this machine is not the job's source");
}

}  // namespace

Result<VideoLocation> locate_source(const TaskFrames& frames, SourceCache& cache,
                                    RangeProgress& progress) {
  const Status here = check_is_here(frames);
  if (here) return VideoLocation(std::filesystem::path(frames.source.path));
  if (frames.url.empty()) {
    return retry(here.error().message +
                 ", and the coordinator serves no sources (its http.listen is empty)");
  }
  return VideoLocation(
      RemoteLocation{.cache = &cache,
                     .file = {.name = frames.source.path,
                              .url = frames.url,
                              .sha256 = frames.sha256,
                              .size = frames.source.size},
                     .hooks = {.is_cancelled = [&progress] { return progress.is_cancelled(); },
                               .on_block = [&progress] { progress.add_step(); }}});
}

Result<RangeDecoder> open_task_video(const TaskFrames& frames, SourceCache& cache,
                                     RangeProgress& progress, const DecodeOptions& options) {
  POSEFLEET_TRY(const VideoLocation location, locate_source(frames, cache, progress));
  return RangeDecoder::open(location, frames.window, frames.in_window(), options);
}

Result<BgrImage> read_task_image(const TaskFrames& frames, SourceCache& cache,
                                 RangeProgress& progress) {
  POSEFLEET_TRY(const VideoLocation location, locate_source(frames, cache, progress));
  if (const auto* path = std::get_if<std::filesystem::path>(&location)) return read_image(*path);
  const RemoteLocation& remote = std::get<RemoteLocation>(location);
  POSEFLEET_TRY(const std::string bytes,
                cache.read_all(remote.file, ImageLimits{}.file_bytes_max, remote.hooks));
  return decode_image(remote.file.name, bytes);
}

}  // namespace posefleet

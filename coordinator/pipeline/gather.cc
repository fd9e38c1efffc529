#include "coordinator/pipeline/gather.h"

#include <algorithm>

#include "common/files/files.h"
#include "common/files/sha256.h"
#include "common/wire/codec.h"

namespace posefleet {

Result<std::string> read_range_file(const RangeFile& file) {
  POSEFLEET_TRY(std::string bytes, file.offset
                                       ? read_file_part(file.path, {*file.offset, file.size})
                                       : read_whole_file(file.path, file.size));
  if (sha256_hex(bytes) != file.sha256) {
    return internal_error(file.path.string() + " is not what was stored (" +
                          std::to_string(bytes.size()) + " of " + std::to_string(file.size) +
                          " bytes, or another hash)");
  }
  return bytes;
}

namespace {

bool holds_frames(const RangePoses& poses, const FrameRange& frames) {
  if (poses.size() != frames.size()) return false;
  for (std::uint32_t i = 0; i < frames.size(); ++i) {
    if (poses[i].frame != frames.first + i) return false;
  }
  return true;
}

}  // namespace

Result<RangePoses> gather_poses(const std::vector<RangeFile>& files, const FrameRange& frames,
                                LostArtifact* lost) {
  std::vector<const RangeFile*> parts;
  for (const RangeFile& file : files) {
    if (file.stage != Stage::Pose) continue;
    if (file.frames.first < frames.end && frames.first < file.frames.end) parts.push_back(&file);
  }
  std::sort(parts.begin(), parts.end(), [](const RangeFile* a, const RangeFile* b) {
    return a->frames.first < b->frames.first;
  });
  RangePoses gathered;
  gathered.reserve(frames.size());
  for (const RangeFile* part : parts) {
    const auto fail = [&](Error error) {
      if (lost != nullptr) *lost = {part->range, error.message};
      return error;
    };
    auto bytes = read_range_file(*part);
    if (!bytes) return fail(std::move(bytes).error());
    auto poses = decode_range_poses(*bytes);
    if (!poses) return fail(std::move(poses).error());
    if (!holds_frames(*poses, part->frames)) {
      return fail(internal_error(part->path.string() + " does not hold frames " +
                                 std::to_string(part->frames.first) + " to " +
                                 std::to_string(part->frames.end - 1) + " in order"));
    }
    for (FramePoses& frame : *poses) {
      // A frame that is missing before this one shows in the count below.
      const bool is_next =
          gathered.size() < frames.size() && frame.frame == frames.first + gathered.size();
      if (is_next) gathered.push_back(std::move(frame));
    }
  }
  if (gathered.size() != frames.size()) {
    return internal_error("the poses of frame " + std::to_string(frames.first + gathered.size()) +
                          " are in no range (" + std::to_string(gathered.size()) + " of " +
                          std::to_string(frames.size()) + " frames are there)");
  }
  return gathered;
}

}  // namespace posefleet

// Committed results, read back: always through their hash, because a disk may lie.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/protocol/ids.h"
#include "common/protocol/poses.h"

namespace posefleet {

// A committed range and where its bytes are.
struct RangeFile {
  RangeId range{};
  Stage stage = Stage::Pose;
  FrameRange frames;
  std::filesystem::path path;
  std::uint64_t size = 0;
  std::string sha256;
  bool is_quarantined = false;  // a frame that no worker could compute: nobody is in it
  // Where it begins in a file of many; nothing: the file is this result alone.
  std::optional<std::uint64_t> offset = std::nullopt;
};

// A result that is missing or is not what was committed: `range` must be computed again.
struct LostArtifact {
  RangeId range{};
  std::string reason;
};

Result<std::string> read_range_file(const RangeFile& file);

// The poses of frames [first, end) from the pose ranges that cover them, in order. On failure
// `lost` (when given) names the range at fault.
Result<RangePoses> gather_poses(const std::vector<RangeFile>& files, const FrameRange& frames,
                                LostArtifact* lost);

}  // namespace posefleet

// An output that is a folder of pictures, one PNG per frame, for programs that composite or edit.
//
// Workers encode each frame as a whole PNG file, so nothing is encoded here either: the packets of
// the segments are checked against the frame table and become files.
#pragma once

#include <filesystem>
#include <string>

#include "common/base/result.h"
#include "common/media/stitch.h"

namespace posefleet {

struct PictureFilesReport {
  std::uint32_t frames = 0;
  std::uint64_t bytes = 0;
  std::string sha256;  // of all files' bytes, one after the other
};

// "frame_000017.png": by the frame's place in the table, from 0; seven digits from a million on.
std::string picture_file_name(std::uint32_t frame);

// Writes the folder `out` whole or not at all: under a temporary name beside it, forced to disk,
// renamed. One that is there already is replaced. Errors: segments that do not hold exactly the
// table's frames in order, packets that are no PNG, a full disk.
Result<PictureFilesReport> write_picture_files(const FrameTable& table,
                                               const SegmentSource& segment,
                                               std::size_t segment_count,
                                               const std::filesystem::path& out);

}  // namespace posefleet

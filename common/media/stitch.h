// Joins encoded segments to the output file: frames and times exact, sound byte for byte.
//
// Nothing is encoded here. The presentation times are the source's own; the decode times are made
// anew from the sorted list of them, since each encoder only knew its own piece. Sound packets are
// copied as they are. (FFmpeg's concat demuxer is not exact: it drifted by 132 ms over five
// segments.) The same input gives the same bytes: no dates or program versions are written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/protocol/video.h"

namespace posefleet {

struct StitchReport {
  std::uint32_t frames = 0;
  std::uint32_t audio_streams = 0;
  std::uint64_t audio_packets = 0;
  std::uint64_t bytes = 0;  // of the file
  // What could not be carried over (damaged sound, a rotation that the container has no place for),
  // in whole sentences.
  std::vector<std::string> warnings;
};

enum class StitchWhat {
  Everything,
  Pictures,  // an overlay: what it is laid over has the sound
};

// Called once per segment, in order, so one segment is in memory at a time.
using SegmentSource = std::function<Result<EncodedSegment>(std::size_t index)>;

// Rejected, with the remedy, when a file named like `out` cannot hold the source's sound: asked
// before a job begins. Opens the source.
Status check_sound_fits(const std::filesystem::path& source, const std::filesystem::path& out);

// Writes `out` (.mp4, .m4v, .mov, .mkv or .webm) under a temporary name beside it, which becomes
// `out` when all is on disk and is removed on any error. `source` gives the sound, what else lies
// beside the pictures (subtitles, chapters, titles, fonts, covers) and the display matrix; `table`
// is its frame table. Errors: segments that do not hold exactly the table's frames in order
// or whose parameter sets differ, sound that the container cannot hold, a full disk.
Result<StitchReport> stitch(const std::filesystem::path& source, const FrameTable& table,
                            const SegmentSource& segment, std::size_t segment_count,
                            const std::filesystem::path& out,
                            StitchWhat what = StitchWhat::Everything);

}  // namespace posefleet

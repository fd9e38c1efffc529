// Which frames a video has, and when each is shown: found once, believed by everybody after.
//
// Containers lie about counts, durations and rates, and decoders emit more or fewer pictures than
// there are, depending on where they start. So the truth is the presentation times of the packets,
// sorted. Reading them needs no decoding (some microseconds a frame). Where packets do not carry
// usable times, one decoder runs over the whole file instead, and the table says so.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/protocol/video.h"

namespace posefleet {

struct ProbeLimits {
  std::uint32_t side_max = 8192;         // pixels; 8K video is 7680 wide
  std::uint32_t frames_max = 2'000'000;  // 18 hours at 30 frames/s; 16 MB of table
};

struct ProbeResult {
  FrameTable table;
  std::uint32_t audio_streams = 0;
  std::uint64_t audio_packets = 0;  // of all audio streams
  // What a person should hear of although the video can be used, e.g. that the file is cut off and
  // how many frames are left. Whole sentences, each naming the file.
  std::vector<std::string> warnings;
};

// Reads the whole file once. Errors, all `Rejected`: no such file, a folder, no video (text, sound
// only), a cut-off MP4 without its index, no frames, sizes or counts above the limits.
Result<ProbeResult> probe_frame_table(const std::filesystem::path& path,
                                      const ProbeLimits& limits = {});

// The file's size and modification time now.
Result<SourceFile> identify_source(const std::filesystem::path& path);

// An error that names what changed when the file is not the one that was identified. By size and
// time, not by content: a worker asks before each range, and hashing would cost more than the
// range.
Status check_source_unchanged(const SourceFile& source);

}  // namespace posefleet

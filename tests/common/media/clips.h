// Small clips made by the `ffmpeg` program when a test runs, and what independent programs say of
// them: `ffprobe` the frames' times, `ffmpeg` the SHA-256 of each decoded picture.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/media/encoder.h"
#include "common/media/frame_table.h"
#include "common/media/stitch.h"
#include "common/media/video_frame.h"
#include "common/protocol/ids.h"
#include "tests/support/fixtures.h"

namespace posefleet::tests {

// Runs a program and returns what it printed; ends the test program when it fails.
std::string run(const std::string& command);

// `arguments` between "ffmpeg -v error -y" and the output's name.
std::filesystem::path make_clip(const TempDir& folder, const std::string& name,
                                const std::string& arguments);

// A moving test picture without and with a tone: inputs for make_clip.
std::string picture(int width, int height, const std::string& rate, double seconds);
std::string tone(double seconds);

// Presentation times of all frames in display order, by ffprobe's own decoding.
std::vector<std::int64_t> ffprobe_times(const std::filesystem::path& path);

// One per frame, of a straight decode from the start, in the given pixel format.
std::vector<std::string> ffmpeg_hashes(const std::filesystem::path& path,
                                       const std::string& pixel_format);

// Of the three planes without padding: the same bytes as ffmpeg_hashes.
std::string hash_of(VideoFrame& frame);

// What a range decoder gives of a range.
struct Decoded {
  std::vector<std::int64_t> pts;
  std::vector<std::string> hashes;  // hash_of
  std::vector<std::uint32_t> damaged;
  std::string error;  // of opening, or of the frame that ended it; else empty
};
Decoded decode(const std::filesystem::path& path, const FrameTable& table, const FrameRange& range);

// Frames of the table cut into `count` ranges of nearly equal size.
std::vector<FrameRange> cut(std::uint32_t frames, std::uint32_t count);

// Decodes and encodes each range by itself, as workers do.
std::vector<EncodedSegment> encode_ranges(const std::filesystem::path& path,
                                          const FrameTable& table,
                                          const std::vector<FrameRange>& ranges,
                                          const EncodeSettings& settings = {.preset = "superfast"});

SegmentSource from_memory(const std::vector<EncodedSegment>& segments);

}  // namespace posefleet::tests

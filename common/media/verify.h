// Checks a finished output against its source, by reading both files again.
//
// Kept apart from stitch.h on purpose: it shares no bookkeeping with the writer, only the reading.
#pragma once

#include <cstdint>
#include <filesystem>

#include "common/base/result.h"
#include "common/protocol/video.h"

namespace posefleet {

struct VerifyOptions {
  // Also decode every frame of the output (some milliseconds a frame).
  bool decode_frames = false;
  int decode_threads = 1;
  // False: the output must have no sound (an overlay).
  bool has_sound = true;
};

struct VerifyReport {
  std::uint32_t frames = 0;
  std::uint32_t audio_streams = 0;
  std::uint64_t audio_packets = 0;
  // Of the source: damaged, so that no container holds them (StitchReport warns of them).
  std::uint64_t audio_packets_left_out = 0;
  std::uint32_t frames_decoded = 0;  // 0 unless asked for
  // True when every time is the same rational number of seconds in both files. False when the
  // output's time base cannot express them (Matroska counts milliseconds) and each is the nearest
  // tick, so at most half a tick off. Anything further off is an error.
  bool video_times_exact = true;
  bool audio_times_exact = true;
};

// An `Internal` error names the first frame or sound packet that differs, with both values.
// The sound's bytes are compared without ADTS headers (MPEG-TS has them, MP4 has not); PCM, which
// has no packets of its own, is compared as one stream of bytes. Sound before time zero, which
// players do not play (it warms the decoder up), may have another time below zero: Matroska stores
// none.
Result<VerifyReport> verify_output(const std::filesystem::path& out,
                                   const std::filesystem::path& source, const FrameTable& table,
                                   const VerifyOptions& options = {});

}  // namespace posefleet

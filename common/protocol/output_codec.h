// What an output can be encoded as: which names there are, which containers take them, which
// numbers make sense. Asked by the command line and the job's spec before anything is computed, and
// by the encoder when it opens, so all three say the same. A table, no FFmpeg.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/protocol/video.h"

namespace posefleet {

struct OutputCodec {
  std::string_view name;  // as in EncodeSettings::codec and EncodedSegment::codec
  // Without a dot; the first is the usual one. "png" is no file but a folder of them.
  std::span<const std::string_view> containers;
  // Where 0 is the best quality; negative: the codec has no such setting.
  int crf_max = -1;
  int crf_default = -1;
  std::span<const std::string_view> tunes;
  bool has_alpha = false;  // can be an overlay
  // Its users expect the source's samples: depth is kept without being asked for.
  bool keeps_depth = false;
  bool has_hardware = false;   // other encoders than software (EncodeSettings::encoder)
  bool is_intra_only = false;  // every frame by itself: long segments save nothing
};

// Null when there is none of this name.
const OutputCodec* find_output_codec(std::string_view name);
std::string output_codec_names();  // "h264, hevc, ...": for messages

// One vocabulary for all codecs, from the fastest to the slowest; each translates it to its own.
std::span<const std::string_view> encoder_presets();
// "software", and the kinds of hardware that a machine may have.
std::span<const std::string_view> encoder_kinds();

// The crf that is meant: the settings' own, or the codec's usual one. Known codecs only.
int crf_of(const EncodeSettings& settings);
// Whether frames come to the encoder with more than 8 bits where the source has them.
bool keeps_depth(const EncodeSettings& settings);

// Whether a second of video is tens of megabytes: frames by themselves, or nothing lost.
bool makes_large_frames(const EncodeSettings& settings);
// Whether players know this codec in an MP4 that is still being written.
bool can_grow(const EncodeSettings& settings);

// Refused, naming the value and what is allowed: an unknown codec, preset, tune or encoder, a crf
// out of the codec's range, an overlay in a codec without transparency.
Status check_encode_settings(const EncodeSettings& settings);
// Refused: a pair of codec and container that do not go together. `container` without a dot.
Status check_container(const EncodeSettings& settings, std::string_view container);

}  // namespace posefleet

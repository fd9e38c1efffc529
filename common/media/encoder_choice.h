// Private to common/media: which of FFmpeg's encoders makes an output codec, told what, so that
// pieces made apart can be joined and come out the same everywhere.
//
// For each encoder that means: one thread (several cut the picture or look ahead differently),
// closed groups, no comment with versions in the stream, and the algorithms that do not depend on
// the processor where the encoder offers the choice.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/media/av.h"
#include "common/protocol/video.h"

namespace posefleet::av {

struct EncoderChoice {
  const AVCodec* encoder = nullptr;
  AVCodecID codec = AV_CODEC_ID_NONE;
  std::vector<std::pair<std::string, std::string>> options;
  // What the pictures are to be turned into first.
  TargetFormat target;
  int profile = FF_PROFILE_UNKNOWN;
  int gop_size = -1;  // frames; negative: the encoder's own
};

// What FFmpeg calls an output codec; AV_CODEC_ID_NONE for an unknown name.
AVCodecID codec_id_of(std::string_view codec);

// For frames in `format`. The settings were checked. An error when this FFmpeg lacks the encoder.
Result<EncoderChoice> choose_encoder(const EncodeSettings& settings, AVPixelFormat format);

}  // namespace posefleet::av

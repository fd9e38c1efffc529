#include "common/protocol/output_codec.h"

#include <algorithm>
#include <array>

namespace posefleet {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::string_view kPresets[] = {"ultrafast", "superfast", "veryfast", "faster",
                                         "fast",      "medium",    "slow",     "slower",
                                         "veryslow",  "placebo"};
constexpr std::string_view kEncoders[] = {"software", "nvenc", "qsv"};

// What players and FFmpeg's writers agree on. M4V is an MP4 by another name.
constexpr std::string_view kForH264[] = {"mp4", "mov", "mkv", "m4v"};
constexpr std::string_view kForHevc[] = {"mp4", "mov", "mkv", "m4v"};
constexpr std::string_view kForAv1[] = {"mp4", "mkv", "webm"};
constexpr std::string_view kForVp9[] = {"webm", "mkv", "mp4"};
constexpr std::string_view kForProres[] = {"mov", "mkv"};
constexpr std::string_view kForFfv1[] = {"mkv"};
constexpr std::string_view kForPng[] = {"png"};

constexpr std::string_view kTunesOfX264[] = {"film", "animation", "grain",      "stillimage",
                                             "psnr", "ssim",      "fastdecode", "zerolatency"};
constexpr std::string_view kTunesOfX265[] = {"animation", "grain",      "psnr",
                                             "ssim",      "fastdecode", "zerolatency"};

// The default crf of each is its encoder's notion of what x264 makes of 20: a little better than
// the encoder's own default, since drawn edges show artefacts sooner than filmed ones.
constexpr OutputCodec kCodecs[] = {
    {.name = "h264",
     .containers = kForH264,
     .crf_max = 51,
     .crf_default = 20,
     .tunes = kTunesOfX264,
     .has_hardware = true},
    {.name = "hevc",
     .containers = kForHevc,
     .crf_max = 51,
     .crf_default = 24,
     .tunes = kTunesOfX265,
     .has_hardware = true},
    {.name = "av1", .containers = kForAv1, .crf_max = 63, .crf_default = 30, .tunes = {}},
    {.name = "vp9",
     .containers = kForVp9,
     .crf_max = 63,
     .crf_default = 28,
     .tunes = {},
     .has_alpha = true},
    {.name = "prores",
     .containers = kForProres,
     .tunes = {},
     .has_alpha = true,
     .keeps_depth = true,
     .is_intra_only = true},
    {.name = "ffv1",
     .containers = kForFfv1,
     .tunes = {},
     .keeps_depth = true,
     .is_intra_only = true},
    {.name = "png", .containers = kForPng, .tunes = {}, .has_alpha = true, .is_intra_only = true},
};

bool holds(Names names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string joined(Names names, std::string_view before = "") {
  std::string text;
  for (const std::string_view name : names) {
    if (!text.empty()) text += ", ";
    text.append(before).append(name);
  }
  return text;
}

// The codecs that a container takes.
std::string codecs_for(std::string_view container) {
  std::string text;
  for (const OutputCodec& codec : kCodecs) {
    if (!holds(codec.containers, container)) continue;
    text.append(text.empty() ? "" : ", ").append(codec.name);
  }
  return text;
}

Status check_tune(const EncodeSettings& settings, const OutputCodec& codec) {
  if (settings.tune.empty() || holds(codec.tunes, settings.tune)) return done();
  const std::string name(codec.name);
  if (codec.tunes.empty()) {
    return rejected("encoder tune is '" + settings.tune + "', but " + name + " has none");
  }
  return rejected("encoder tune '" + settings.tune + "' is unknown; for " + name + " use one of " +
                  joined(codec.tunes));
}

Status check_crf(const EncodeSettings& settings, const OutputCodec& codec) {
  if (settings.crf == kCrfOfCodec) return done();
  const std::string said = "encoder quality crf is " + std::to_string(settings.crf);
  if (codec.crf_max < 0) return rejected(said + ", but " + std::string(codec.name) + " has none");
  if (settings.crf >= 0 && settings.crf <= codec.crf_max) return done();
  return rejected(said + ", not within 0 to " + std::to_string(codec.crf_max));
}

Status check_encoder(const EncodeSettings& settings, const OutputCodec& codec) {
  if (!holds(kEncoders, settings.encoder)) {
    return rejected("encoder '" + settings.encoder + "' is unknown; use one of " +
                    joined(kEncoders));
  }
  if (settings.encoder == "software" || codec.has_hardware) return done();
  return rejected("encoder '" + settings.encoder + "' makes h264 and hevc, not " +
                  std::string(codec.name) + "; use software");
}

}  // namespace

const OutputCodec* find_output_codec(std::string_view name) {
  for (const OutputCodec& codec : kCodecs) {
    if (codec.name == name) return &codec;
  }
  return nullptr;
}

std::string output_codec_names() {
  std::string text;
  for (const OutputCodec& codec : kCodecs) {
    text.append(text.empty() ? "" : ", ").append(codec.name);
  }
  return text;
}

Names encoder_presets() {
  return kPresets;
}

Names encoder_kinds() {
  return kEncoders;
}

int crf_of(const EncodeSettings& settings) {
  if (settings.crf != kCrfOfCodec) return settings.crf;
  const OutputCodec* codec = find_output_codec(settings.codec);
  return codec == nullptr ? kCrfOfCodec : codec->crf_default;
}

bool keeps_depth(const EncodeSettings& settings) {
  const OutputCodec* codec = find_output_codec(settings.codec);
  return settings.keep_depth || (codec != nullptr && codec->keeps_depth);
}

bool makes_large_frames(const EncodeSettings& settings) {
  const OutputCodec* codec = find_output_codec(settings.codec);
  return codec != nullptr && (codec->is_intra_only || crf_of(settings) == 0);
}

bool can_grow(const EncodeSettings& settings) {
  return !settings.is_overlay &&
         (settings.codec == "h264" || settings.codec == "hevc" || settings.codec == "av1");
}

Status check_encode_settings(const EncodeSettings& settings) {
  const OutputCodec* codec = find_output_codec(settings.codec);
  if (codec == nullptr) {
    return rejected("output codec '" + settings.codec + "' is unknown; use one of " +
                    output_codec_names());
  }
  if (!holds(kPresets, settings.preset)) {
    return rejected("encoder preset '" + settings.preset + "' is unknown; use one of " +
                    joined(kPresets));
  }
  POSEFLEET_TRY_DO(check_crf(settings, *codec));
  POSEFLEET_TRY_DO(check_tune(settings, *codec));
  POSEFLEET_TRY_DO(check_encoder(settings, *codec));
  if (settings.is_overlay && !codec->has_alpha) {
    return rejected("an overlay needs transparency, which " + settings.codec +
                    " has not; use prores, vp9 or png");
  }
  return done();
}

Status check_container(const EncodeSettings& settings, std::string_view container) {
  const OutputCodec* codec = find_output_codec(settings.codec);
  if (codec == nullptr) return check_encode_settings(settings);
  if (!holds(codec->containers, container)) {
    const std::string others = codecs_for(container);
    return rejected(settings.codec + " does not go into ." + std::string(container) +
                    "; name the output " + joined(codec->containers, ".") +
                    (others.empty() ? "" : ", or use the codec " + others));
  }
  // MP4 and Matroska's own players know no alpha of VP9 but in WebM.
  if (settings.is_overlay && settings.codec == "vp9" && container == "mp4") {
    return rejected("a transparent vp9 does not go into .mp4; name the output .webm or .mkv");
  }
  return done();
}

}  // namespace posefleet

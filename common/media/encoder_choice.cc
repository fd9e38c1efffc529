#include "common/media/encoder_choice.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "common/base/check.h"
#include "common/protocol/output_codec.h"

namespace posefleet::av {
namespace {

struct Name {
  std::string_view codec;
  AVCodecID id;
  const char* encoder;  // software
};
constexpr Name kNames[] = {
    {"h264", AV_CODEC_ID_H264, "libx264"},
    {"hevc", AV_CODEC_ID_HEVC, "libx265"},
    {"av1", AV_CODEC_ID_AV1, "libsvtav1"},
    {"vp9", AV_CODEC_ID_VP9, "libvpx-vp9"},
    {"prores", AV_CODEC_ID_PRORES, "prores_ks"},
    {"ffv1", AV_CODEC_ID_FFV1, "ffv1"},
    {"png", AV_CODEC_ID_PNG, "png"},
};

// What FFmpeg calls the encoder; "h264_nvenc" and the like do it in hardware.
std::string encoder_name(const EncodeSettings& settings, const Name& name) {
  if (settings.encoder == "software") return name.encoder;
  return fmt::format("{}_{}", settings.codec, settings.encoder);
}

const Name* find_name(std::string_view codec) {
  const auto* found = std::find_if(std::begin(kNames), std::end(kNames),
                                   [codec](const Name& name) { return name.codec == codec; });
  return found == std::end(kNames) ? nullptr : found;
}

// 0 for ultrafast.
int speed_step(std::string_view preset) {
  const auto presets = encoder_presets();
  return static_cast<int>(std::find(presets.begin(), presets.end(), preset) - presets.begin());
}

using Options = std::vector<std::pair<std::string, std::string>>;

// x264 picks faster but different algorithms where the processor offers them, unless told not to.
Options options_of_x264(const EncodeSettings& settings) {
  Options options = {{"preset", settings.preset},
                     {"crf", std::to_string(crf_of(settings))},
                     {"x264-params", "cpu-independent=1:deterministic=1"}};
  if (!settings.tune.empty()) options.emplace_back("tune", settings.tune);
  return options;
}

// x265's vector code is tested by its makers to give what its plain code gives. It counts threads
// by the machine unless told, and with several frames in work its choices depend on their number.
Options options_of_x265(const EncodeSettings& settings) {
  Options options = {{"preset", settings.preset},
                     {"crf", std::to_string(crf_of(settings))},
                     {"x265-params",
                      "log-level=none:info=0:pools=none:frame-threads=1:wpp=0:open-gop=0:"
                      "repeat-headers=0"}};
  if (!settings.tune.empty()) options.emplace_back("tune", settings.tune);
  return options;
}

// SVT-AV1 counts its presets down from 12; 13 is for tests of itself, below 4 nobody waits.
Options options_of_svt(const EncodeSettings& settings) {
  const int preset = std::max(12 - speed_step(settings.preset), 4);
  return {{"preset", std::to_string(preset)},
          {"crf", std::to_string(crf_of(settings))},
          {"svtav1-params", "lp=1:irefresh-type=2"}};
}

// Frames that are shown nowhere (alternate references) have no opacity, so an overlay has none.
Options options_of_vpx(const EncodeSettings& settings) {
  const int speed = std::clamp(8 - speed_step(settings.preset), 0, 8);
  Options options = {{"crf", std::to_string(crf_of(settings))},
                     {"b", "0"},
                     {"deadline", "good"},
                     {"cpu-used", std::to_string(speed)},
                     {"row-mt", "0"}};
  if (settings.is_overlay) options.emplace_back("auto-alt-ref", "0");
  return options;
}

// All 16 bits of opacity. Without a name FFmpeg would call itself the vendor.
Options options_of_prores(const EncodeSettings& settings) {
  Options options = {{"vendor", "apl0"}};
  if (settings.is_overlay) options.emplace_back("alpha_bits", "16");
  return options;
}

// Version 3 with a checksum in each slice: archives ask for it. Every frame by itself.
Options options_of_ffv1() {
  return {{"level", "3"}, {"slicecrc", "1"}, {"coder", "1"}, {"context", "0"}};
}

// NVENC's presets run from p1, the fastest, to p7. Constant quality, with the processor's numbers.
Options options_of_nvenc(const EncodeSettings& settings) {
  const int preset = std::clamp(1 + speed_step(settings.preset), 1, 7);
  return {{"preset", fmt::format("p{}", preset)},
          {"rc", "vbr"},
          {"cq", std::to_string(crf_of(settings))},
          {"b", "0"}};
}

// Quick Sync's presets have x264's names from veryfast to veryslow.
Options options_of_qsv(const EncodeSettings& settings) {
  const int step = std::clamp(speed_step(settings.preset), 2, 8);
  return {{"preset", std::string(encoder_presets()[static_cast<std::size_t>(step)])},
          {"global_quality", std::to_string(std::max(crf_of(settings), 1))}};
}

bool takes(const AVCodec& encoder, AVPixelFormat format) {
  if (encoder.pix_fmts == nullptr) return true;
  for (const AVPixelFormat* one = encoder.pix_fmts; *one != AV_PIX_FMT_NONE; ++one) {
    if (*one == format) return true;
  }
  return false;
}

// The encodable format that loses least: the same chroma, else finer, else coarser; the same depth,
// else deeper, else less deep. AV_PIX_FMT_NONE where nothing fits.
AVPixelFormat nearest_format(const AVCodec& encoder, AVPixelFormat format) {
  if (takes(encoder, format)) return format;
  const AVPixFmtDescriptor* from = av_pix_fmt_desc_get(format);
  const int fineness = 2 - from->log2_chroma_w - from->log2_chroma_h;  // 4:2:0 is 0, 4:4:4 is 2
  std::vector<int> chromas, depths;
  for (int chroma = fineness; chroma <= 2; ++chroma) chromas.push_back(chroma);
  for (int chroma = fineness - 1; chroma >= 0; --chroma) chromas.push_back(chroma);
  constexpr std::array kDepths = {8, 10, 12, 16};
  const int depth = from->comp[0].depth;
  std::copy_if(kDepths.begin(), kDepths.end(), std::back_inserter(depths),
               [depth](int one) { return one >= depth; });
  std::copy_if(kDepths.rbegin(), kDepths.rend(), std::back_inserter(depths),
               [depth](int one) { return one < depth; });
  for (const int chroma : chromas) {
    for (const int one : depths) {
      const AVPixelFormat candidate = planar_format(chroma < 2 ? 1 : 0, chroma < 1 ? 1 : 0, one);
      if (candidate != AV_PIX_FMT_NONE && takes(encoder, candidate)) return candidate;
      // Hardware has the two chroma planes as one.
      if (chroma != 0) continue;
      const AVPixelFormat mixed = one == 8    ? AV_PIX_FMT_NV12
                                  : one == 10 ? AV_PIX_FMT_P010
                                              : AV_PIX_FMT_NONE;
      if (mixed != AV_PIX_FMT_NONE && takes(encoder, mixed)) return mixed;
    }
  }
  return AV_PIX_FMT_NONE;
}

AVPixelFormat overlay_format(AVCodecID codec) {
  if (codec == AV_CODEC_ID_PNG) return AV_PIX_FMT_RGBA;
  return codec == AV_CODEC_ID_VP9 ? AV_PIX_FMT_YUVA420P : AV_PIX_FMT_YUVA444P10;
}

AVPixelFormat format_for(const EncodeSettings& settings, const EncoderChoice& choice,
                         AVPixelFormat format) {
  if (settings.is_overlay) return overlay_format(choice.codec);
  if (choice.codec == AV_CODEC_ID_PNG) {
    const bool is_deep = av_pix_fmt_desc_get(format)->comp[0].depth > 8;
    return is_deep ? AV_PIX_FMT_RGB48BE : AV_PIX_FMT_RGB24;
  }
  return nearest_format(*choice.encoder, format);
}

void set_options(const EncodeSettings& settings, EncoderChoice& choice) {
  if (settings.encoder != "software") {
    choice.options =
        settings.encoder == "nvenc" ? options_of_nvenc(settings) : options_of_qsv(settings);
    return;
  }
  switch (choice.codec) {
    case AV_CODEC_ID_H264:
      choice.options = options_of_x264(settings);
      break;
    case AV_CODEC_ID_HEVC:
      choice.options = options_of_x265(settings);
      break;
    case AV_CODEC_ID_AV1:
      choice.options = options_of_svt(settings);
      break;
    case AV_CODEC_ID_VP9:
      choice.options = options_of_vpx(settings);
      choice.gop_size = 128;  // libvpx's own, said so that the opacity gets key frames there too
      break;
    case AV_CODEC_ID_PRORES:
      choice.options = options_of_prores(settings);
      choice.gop_size = 1;
      // HQ, and 4444 where there is chroma for each pixel.
      choice.profile = av_pix_fmt_desc_get(choice.target.format)->log2_chroma_w == 0
                           ? FF_PROFILE_PRORES_4444
                           : FF_PROFILE_PRORES_HQ;
      choice.target.must_be_limited = true;  // MOV has no word for full range beside ProRes
      break;
    case AV_CODEC_ID_FFV1:
      choice.options = options_of_ffv1();
      choice.gop_size = 1;
      break;
    default:
      break;
  }
}

}  // namespace

AVCodecID codec_id_of(std::string_view codec) {
  const Name* name = find_name(codec);
  return name == nullptr ? AV_CODEC_ID_NONE : name->id;
}

Result<EncoderChoice> choose_encoder(const EncodeSettings& settings, AVPixelFormat format) {
  const Name* name = find_name(settings.codec);
  POSEFLEET_CHECK(name != nullptr);
  EncoderChoice choice;
  choice.codec = name->id;
  const std::string encoder = encoder_name(settings, *name);
  choice.encoder = avcodec_find_encoder_by_name(encoder.c_str());
  if (choice.encoder == nullptr) {
    return internal_error(
        fmt::format("this FFmpeg was built without {}; install one that has it, or choose another "
                    "codec than {}",
                    encoder, settings.codec));
  }
  choice.target.format = format_for(settings, choice, format);
  if (choice.target.format == AV_PIX_FMT_NONE) {
    return internal_error(
        fmt::format("{} takes no format near {}", encoder, av_get_pix_fmt_name(format)));
  }
  set_options(settings, choice);
  return choice;
}

}  // namespace posefleet::av

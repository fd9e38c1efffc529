#include "common/media/parameter_sets.h"

#include <cstring>

#include <fmt/format.h>

#include "common/base/check.h"
#include "common/media/encoder_choice.h"

namespace posefleet::av {
namespace {

constexpr std::string_view kStartCode{"\0\0\1", 3};

// ITU-T H.264, table 7-1: sequence and picture parameter set.
bool is_h264_set(std::uint8_t header) {
  const int type = header & 0x1f;
  return type == 7 || type == 8;
}

// ITU-T H.265, table 7-1: video, sequence and picture parameter set.
bool is_hevc_set(std::uint8_t header) {
  const int type = header >> 1 & 0x3f;
  return type >= 32 && type <= 34;
}

// The wanted units of Annex B bytes, each behind a start code of three bytes.
template <typename IsWanted>
std::string units_of(std::string_view annex_b, IsWanted is_wanted) {
  std::string sets;
  std::size_t start = annex_b.find(kStartCode);
  while (start != std::string_view::npos) {
    start += kStartCode.size();
    const std::size_t next = annex_b.find(kStartCode, start);
    std::string_view unit = annex_b.substr(start, next - start);
    // A start code may have four bytes; the first zero is then no part of the unit before it.
    while (!unit.empty() && unit.back() == '\0') unit.remove_suffix(1);
    if (!unit.empty() && is_wanted(static_cast<std::uint8_t>(unit.front()))) {
      sets.append(kStartCode).append(unit);
    }
    start = next;
  }
  return sets;
}

Error damaged(std::string_view why) {
  return rejected(fmt::format("the first segment cannot be decoded: {}", why));
}

// SMPTE RDD 36, 5.1.1: a ProRes frame begins with its size, "icpf" and a frame header, whose byte
// 12 starts with the chroma format (2: 4:2:2, 3: 4:4:4). Containers say it by the codec's tag, so
// decoders want to hear it from there. We make HQ and 4444.
std::uint32_t tag_of_prores(const EncodedPacket& packet) {
  constexpr std::size_t kChromaFormat = 8 + 12;
  const bool is_444 = packet.bytes.size() > kChromaFormat &&
                      (static_cast<std::uint8_t>(packet.bytes[kChromaFormat]) >> 6) == 3;
  return is_444 ? MKTAG('a', 'p', '4', 'h') : MKTAG('a', 'p', 'c', 'h');
}

Result<CodecContext> open_decoder(const EncodedSegment& segment, const EncodedPacket& first,
                                  std::string_view extradata) {
  const AVCodecID id = codec_id_of(segment.codec);
  const AVCodec* codec = avcodec_find_decoder(id);
  if (codec == nullptr) {
    return internal_error(
        fmt::format("this FFmpeg was built without a decoder for {}", segment.codec));
  }
  CodecContext decoder(avcodec_alloc_context3(codec));
  POSEFLEET_CHECK(decoder != nullptr);
  decoder->thread_count = 1;
  // Bounds what a picture may allocate, whatever its header claims; a little more than its size,
  // which codecs round up to blocks.
  decoder->max_pixels = std::int64_t{segment.width} * segment.height +
                        256 * (std::int64_t{segment.width} + segment.height) + 256 * 256;
  if (id == AV_CODEC_ID_PRORES) decoder->codec_tag = tag_of_prores(first);
  if (id == AV_CODEC_ID_FFV1) {  // leaves its size to the container
    decoder->width = static_cast<int>(segment.width);
    decoder->height = static_cast<int>(segment.height);
  }
  const std::size_t size = extradata.size();
  if (size > 0) {
    decoder->extradata =
        static_cast<std::uint8_t*>(av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE));
    POSEFLEET_CHECK(decoder->extradata != nullptr);
    std::memcpy(decoder->extradata, extradata.data(), size);
    decoder->extradata_size = static_cast<int>(size);
  }
  const LogScope log;
  const int status = avcodec_open2(decoder.get(), codec, nullptr);
  if (status < 0) return damaged(log.explain(status));
  return decoder;
}

}  // namespace

std::string parameter_sets_of(const EncodedSegment& segment) {
  if (segment.codec == "h264") return units_of(segment.extradata, is_h264_set);
  if (segment.codec == "hevc") return units_of(segment.extradata, is_hevc_set);
  return segment.extradata;
}

Result<PictureFormat> read_picture_format(const EncodedSegment& segment,
                                          const EncodedPacket& first) {
  const std::string sets = parameter_sets_of(segment);
  const bool is_told_once = segment.codec == "h264" || segment.codec == "hevc" ||
                            segment.codec == "av1" || segment.codec == "ffv1";
  if (sets.empty() && is_told_once) {
    return damaged(fmt::format("it has no parameter sets of {}", segment.codec));
  }
  POSEFLEET_TRY(const CodecContext decoder, open_decoder(segment, first, sets));
  const Packet packet = make_packet();
  POSEFLEET_CHECK(av_new_packet(packet.get(), static_cast<int>(first.bytes.size())) >= 0);
  std::memcpy(packet->data, first.bytes.data(), first.bytes.size());
  packet->flags |= AV_PKT_FLAG_KEY;
  const Frame frame = make_frame();
  const LogScope log;
  int status = avcodec_send_packet(decoder.get(), packet.get());
  if (status >= 0) status = avcodec_send_packet(decoder.get(), nullptr);
  if (status >= 0) status = avcodec_receive_frame(decoder.get(), frame.get());
  if (status < 0) return damaged(log.explain(status));
  if (frame->width != static_cast<int>(segment.width) ||
      frame->height != static_cast<int>(segment.height)) {
    return damaged(fmt::format("it says {}x{} pixels, its pictures have {}x{}", segment.width,
                               segment.height, frame->width, frame->height));
  }
  PictureFormat format;
  format.parameters.reset(avcodec_parameters_alloc());
  POSEFLEET_CHECK(format.parameters != nullptr);
  POSEFLEET_CHECK(avcodec_parameters_from_context(format.parameters.get(), decoder.get()) >= 0);
  // Only ProRes has a tag that says more than the codec.
  format.parameters->codec_tag = decoder->codec_id == AV_CODEC_ID_PRORES ? decoder->codec_tag : 0;
  // The others' packets come in the order of showing, whatever their decoders say.
  const bool is_reordered = segment.codec == "h264" || segment.codec == "hevc";
  format.reorder_depth =
      is_reordered ? static_cast<std::size_t>(std::max(0, decoder->has_b_frames)) : 0;
  format.has_alpha = !first.alpha.empty();
  return format;
}

}  // namespace posefleet::av

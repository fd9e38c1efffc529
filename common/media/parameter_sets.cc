#include "common/media/parameter_sets.h"

#include <cstring>

#include <fmt/format.h>

#include "common/base/check.h"

namespace posefleet::av {
namespace {

constexpr std::string_view kStartCode{"\0\0\1", 3};
// ITU-T H.264, table 7-1.
constexpr int kSequenceParameterSet = 7;
constexpr int kPictureParameterSet = 8;
constexpr int kUnitTypeMask = 0x1f;

Error damaged(std::string_view why) {
  return rejected(fmt::format("the first segment cannot be decoded: {}", why));
}

Result<CodecContext> open_h264(std::string_view extradata) {
  const AVCodec* codec = avcodec_find_decoder(AV_CODEC_ID_H264);
  if (codec == nullptr) return internal_error("this FFmpeg was built without an H.264 decoder");
  CodecContext decoder(avcodec_alloc_context3(codec));
  POSEFLEET_CHECK(decoder != nullptr);
  decoder->thread_count = 1;
  const std::size_t size = extradata.size();
  decoder->extradata = static_cast<std::uint8_t*>(av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE));
  POSEFLEET_CHECK(decoder->extradata != nullptr);
  std::memcpy(decoder->extradata, extradata.data(), size);
  decoder->extradata_size = static_cast<int>(size);
  const LogScope log;
  const int status = avcodec_open2(decoder.get(), codec, nullptr);
  if (status < 0) return damaged(log.explain(status));
  return decoder;
}

}  // namespace

std::string parameter_sets_of(std::string_view annex_b) {
  std::string sets;
  std::size_t start = annex_b.find(kStartCode);
  while (start != std::string_view::npos) {
    start += kStartCode.size();
    const std::size_t next = annex_b.find(kStartCode, start);
    std::string_view unit = annex_b.substr(start, next - start);
    // A start code may have four bytes; the first zero is then no part of the unit before it.
    while (!unit.empty() && unit.back() == '\0') unit.remove_suffix(1);
    if (!unit.empty()) {
      const int type = unit.front() & kUnitTypeMask;
      if (type == kSequenceParameterSet || type == kPictureParameterSet) {
        sets.append(kStartCode).append(unit);
      }
    }
    start = next;
  }
  return sets;
}

Result<PictureFormat> read_picture_format(const EncodedSegment& segment,
                                          const EncodedPacket& first) {
  const std::string sets = parameter_sets_of(segment.extradata);
  if (sets.empty()) return damaged("it has no H.264 parameter sets");
  POSEFLEET_TRY(const CodecContext decoder, open_h264(sets));
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
  format.parameters->codec_tag = 0;
  format.reorder_depth = static_cast<std::size_t>(std::max(0, decoder->has_b_frames));
  return format;
}

}  // namespace posefleet::av

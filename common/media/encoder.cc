#include "common/media/encoder.h"

extern "C" {
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
}

#include <limits>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "common/base/check.h"
#include "common/media/av.h"
#include "common/media/encoder_choice.h"
#include "common/media/reshape.h"
#include "common/protocol/output_codec.h"

namespace posefleet {
namespace {

// The source's average rate: the container's word, else frames over time. Never the segment's own,
// since it ends up in the parameter sets, which must be equal in all segments.
AVRational average_rate_of(const FrameTable& table) {
  constexpr std::int64_t kTermMax = std::numeric_limits<std::int32_t>::max();
  const Rational& rate = table.average_rate;
  if (rate.num > 0 && rate.den > 0 && rate.num <= kTermMax && rate.den <= kTermMax) {
    return av::to_av(rate);
  }
  const std::size_t count = table.pts.size();
  if (count < 2) return {25, 1};
  // frames / (ticks * seconds per tick)
  AVRational frames_per_tick;
  av_reduce(&frames_per_tick.num, &frames_per_tick.den, static_cast<std::int64_t>(count - 1),
            table.pts.back() - table.pts.front(), kTermMax);
  const AVRational result = av_div_q(frames_per_tick, av::to_av(table.time_base));
  return result.num > 0 && result.den > 0 ? result : AVRational{25, 1};
}

// libvpx hands out the second picture of a transparent frame as side data: eight bytes that number
// it (always 1), then its packet.
std::string alpha_of(const AVPacket& packet) {
  constexpr std::size_t kNumber = 8;
  std::size_t size = 0;
  const std::uint8_t* data =
      av_packet_get_side_data(&packet, AV_PKT_DATA_MATROSKA_BLOCKADDITIONAL, &size);
  if (data == nullptr || size <= kNumber) return {};
  return {reinterpret_cast<const char*>(data) + kNumber, size - kNumber};
}

}  // namespace

class SegmentEncoder::State final {
 public:
  Status open(const EncodeSettings& settings, const FrameTable& table, const AVFrame& first) {
    first_ = {first.width, first.height};
    first_format_ = static_cast<AVPixelFormat>(first.format);
    POSEFLEET_TRY(choice_, av::choose_encoder(settings, first_format_));
    // Files of single pictures have no word for it that all programs heed.
    if (choice_.codec == AV_CODEC_ID_PNG) quarters_ = table.rotation_quarters;
    POSEFLEET_TRY(const av::Frame shaped, shape(first));
    const av::LogScope log;
    encoder_.reset(avcodec_alloc_context3(choice_.encoder));
    POSEFLEET_CHECK(encoder_ != nullptr);
    describe_pictures(*shaped);
    encoder_->time_base = av::to_av(table.time_base);
    encoder_->framerate = average_rate_of(table);
    encoder_->thread_count = 1;
    encoder_->flags |=
        AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_CLOSED_GOP | AV_CODEC_FLAG_BITEXACT;
    encoder_->profile = choice_.profile;
    if (choice_.gop_size > 0) encoder_->gop_size = encoder_->keyint_min = choice_.gop_size;
    av::Options options;
    for (const auto& [key, value] : choice_.options) options.set(key.c_str(), value);
    const int status = avcodec_open2(encoder_.get(), choice_.encoder, options.get());
    if (status < 0) {
      return rejected(fmt::format("cannot encode {}x{} pixels as {} by {}: {}", shaped->width,
                                  shaped->height, settings.codec, choice_.encoder->name,
                                  log.explain(status)));
    }
    segment_.codec = settings.codec;
    if (encoder_->extradata_size > 0) {
      segment_.extradata.assign(reinterpret_cast<const char*>(encoder_->extradata),
                                static_cast<std::size_t>(encoder_->extradata_size));
    }
    segment_.width = static_cast<std::uint32_t>(shaped->width);
    segment_.height = static_cast<std::uint32_t>(shaped->height);
    return done();
  }

  Status add(const AVFrame& frame) {
    POSEFLEET_TRY_DO(check_fits(frame));
    POSEFLEET_TRY(const av::Frame ours, shape(frame));
    // The decoder's picture type would be taken as a wish.
    ours->pict_type = AV_PICTURE_TYPE_NONE;
    last_pts_ = frame.pts;
    return send(ours.get());
  }

  Result<EncodedSegment> finish() {
    if (!last_pts_.has_value()) return rejected("a segment without frames cannot be encoded");
    POSEFLEET_TRY_DO(send(nullptr));
    return std::move(segment_);
  }

 private:
  // The picture as the encoder takes it; the samples are not copied where they are so already.
  Result<av::Frame> shape(const AVFrame& frame) const {
    av::Frame ours = av::make_frame();
    POSEFLEET_CHECK(av_frame_ref(ours.get(), &frame) >= 0);
    if (frame.format == AV_PIX_FMT_RGBA64 && choice_.codec != AV_CODEC_ID_PNG) {
      POSEFLEET_CHECK(av_frame_make_writable(ours.get()) >= 0);
      av::spread_colours(*ours);
    }
    if (av::is_planar(static_cast<AVPixelFormat>(frame.format))) pad(ours);
    const bool is_full = frame.color_range == AVCOL_RANGE_JPEG;
    if (frame.format != choice_.target.format || (is_full && choice_.target.must_be_limited)) {
      POSEFLEET_TRY(ours, av::to_format(*ours, choice_.target));
    }
    if (quarters_ != 0) ours = av::turn(*ours, quarters_);
    pad(ours);
    return ours;
  }

  void pad(av::Frame& frame) const {
    const av::PictureSize size{frame->width, frame->height};
    const av::PictureSize padded = av::padded_size(size, choice_.target.format);
    if (padded != size) frame = av::pad(*frame, padded);
  }

  void describe_pictures(const AVFrame& first) {
    encoder_->width = first.width;
    encoder_->height = first.height;
    encoder_->pix_fmt = static_cast<AVPixelFormat>(first.format);
    encoder_->color_range = first.color_range;
    encoder_->colorspace = first.colorspace;
    encoder_->color_primaries = first.color_primaries;
    encoder_->color_trc = first.color_trc;
    encoder_->chroma_sample_location = first.chroma_location;
    encoder_->sample_aspect_ratio = first.sample_aspect_ratio;
  }

  Status check_fits(const AVFrame& frame) const {
    const auto format = static_cast<AVPixelFormat>(frame.format);
    if (av::PictureSize{frame.width, frame.height} != first_ || format != first_format_) {
      return rejected(
          fmt::format("the frame at tick {} is {}x{} {}, the segment's first was {}x{} {}",
                      frame.pts, frame.width, frame.height, av_get_pix_fmt_name(format),
                      first_.width, first_.height, av_get_pix_fmt_name(first_format_)));
    }
    if (last_pts_.has_value() && frame.pts <= *last_pts_) {
      return rejected(fmt::format("the frame at tick {} follows the one at {}; times must grow",
                                  frame.pts, *last_pts_));
    }
    return done();
  }

  // Null: there are no more frames.
  Status send(const AVFrame* frame) {
    const av::LogScope log;
    int status = avcodec_send_frame(encoder_.get(), frame);
    if (status < 0) return failed(status, log);
    const av::Packet packet = av::make_packet();
    while ((status = avcodec_receive_packet(encoder_.get(), packet.get())) >= 0) {
      segment_.packets.push_back({.pts = packet->pts,
                                  .is_key = (packet->flags & AV_PKT_FLAG_KEY) != 0,
                                  .bytes = std::string(reinterpret_cast<const char*>(packet->data),
                                                       static_cast<std::size_t>(packet->size)),
                                  .alpha = alpha_of(*packet)});
      av_packet_unref(packet.get());
    }
    if (status == AVERROR(EAGAIN) || status == AVERROR_EOF) return done();
    return failed(status, log);
  }

  static Error failed(int status, const av::LogScope& log) {
    return internal_error(fmt::format("the H.264 encoder failed: {}", log.explain(status)));
  }

  av::EncoderChoice choice_;
  int quarters_ = 0;       // by which pictures are turned
  av::PictureSize first_;  // of the first frame as it came
  AVPixelFormat first_format_ = AV_PIX_FMT_NONE;
  av::CodecContext encoder_;
  std::optional<std::int64_t> last_pts_;
  EncodedSegment segment_;
};

SegmentEncoder::SegmentEncoder(std::unique_ptr<State> state) : state_(std::move(state)) {}
SegmentEncoder::SegmentEncoder(SegmentEncoder&& other) noexcept = default;
SegmentEncoder::~SegmentEncoder() = default;

Result<SegmentEncoder> SegmentEncoder::create(const EncodeSettings& settings,
                                              const FrameTable& table, const VideoFrame& first) {
  POSEFLEET_TRY_DO(check_encode_settings(settings));
  auto state = std::make_unique<State>();
  const Status opened = state->open(settings, table, *first.handle().frame);
  if (!opened && settings.encoder != EncodeSettings{}.encoder) {
    return Error{opened.error().code, opened.error().message + "; or use --encoder software"};
  }
  POSEFLEET_TRY_DO(opened);
  return SegmentEncoder(std::move(state));
}

Status SegmentEncoder::add(const VideoFrame& frame) {
  return state_->add(*frame.handle().frame);
}

Result<EncodedSegment> SegmentEncoder::finish() {
  return state_->finish();
}

}  // namespace posefleet

#include "common/media/encoder.h"

extern "C" {
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
}

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "common/base/check.h"
#include "common/media/av.h"

namespace posefleet {
namespace {

constexpr std::array<std::string_view, 10> kPresets = {
    "ultrafast", "superfast", "veryfast", "faster",   "fast",
    "medium",    "slow",      "slower",   "veryslow", "placebo"};
constexpr std::int32_t kCrfMax = 51;

// x264 picks faster but different algorithms where the processor offers them, unless told not to.
constexpr const char* kReproducible = "cpu-independent=1:deterministic=1";

Status check_settings(const EncodeSettings& settings) {
  if (settings.codec != "h264") {
    return rejected(
        fmt::format("output codec '{}' is unknown; h264 is what can be encoded", settings.codec));
  }
  if (std::find(kPresets.begin(), kPresets.end(), settings.preset) == kPresets.end()) {
    return rejected(fmt::format("encoder preset '{}' is unknown; use one of {}", settings.preset,
                                fmt::join(kPresets, ", ")));
  }
  if (settings.crf < 0 || settings.crf > kCrfMax) {
    return rejected(
        fmt::format("encoder quality crf is {}, not within 0 to {}", settings.crf, kCrfMax));
  }
  return done();
}

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

struct Padding {
  int width;
  int height;
};

// 4:2:0 and 4:2:2 pictures of odd size have a chroma sample that lies half outside; H.264 cannot
// say so (its crop counts whole chroma samples).
Padding padded_size_of(const AVFrame& frame) {
  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  const auto round_up = [](int value, int shift) {
    const int unit = 1 << shift;
    return (value + unit - 1) / unit * unit;
  };
  return {round_up(frame.width, format->log2_chroma_w),
          round_up(frame.height, format->log2_chroma_h)};
}

// Copies one plane and repeats its last column and row into what is left.
void copy_plane_padded(const AVFrame& from, AVFrame& to, int plane, Padding copied, Padding full) {
  for (int row = 0; row < full.height; ++row) {
    const std::uint8_t* source =
        from.data[plane] + std::min(row, copied.height - 1) * from.linesize[plane];
    std::uint8_t* target = to.data[plane] + row * to.linesize[plane];
    std::memcpy(target, source, static_cast<std::size_t>(copied.width));
    std::memset(target + copied.width, source[copied.width - 1],
                static_cast<std::size_t>(full.width - copied.width));
  }
}

av::Frame pad(const AVFrame& from, Padding size) {
  av::Frame to = av::make_frame();
  POSEFLEET_CHECK(av_frame_copy_props(to.get(), &from) >= 0);
  to->format = from.format;
  to->width = size.width;
  to->height = size.height;
  POSEFLEET_CHECK(av_frame_get_buffer(to.get(), 0) >= 0);
  copy_plane_padded(from, *to, 0, {from.width, from.height}, size);
  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(from.format));
  const int shift_x = format->log2_chroma_w;
  const int shift_y = format->log2_chroma_h;
  // The source's chroma is rounded up already, so its size is the padded one's.
  const Padding chroma{size.width >> shift_x, size.height >> shift_y};
  for (int plane = 1; plane < 3; ++plane) copy_plane_padded(from, *to, plane, chroma, chroma);
  return to;
}

}  // namespace

class SegmentEncoder::State final {
 public:
  Status open(const EncodeSettings& settings, const FrameTable& table, const AVFrame& first) {
    const AVCodec* codec = avcodec_find_encoder_by_name("libx264");
    if (codec == nullptr) {
      return internal_error("this FFmpeg was built without libx264; install one that has it");
    }
    const av::LogScope log;
    encoder_.reset(avcodec_alloc_context3(codec));
    POSEFLEET_CHECK(encoder_ != nullptr);
    size_ = padded_size_of(first);
    frame_width_ = first.width;
    frame_height_ = first.height;
    describe_pictures(first);
    encoder_->time_base = av::to_av(table.time_base);
    encoder_->framerate = average_rate_of(table);
    encoder_->thread_count = 1;
    encoder_->flags |=
        AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_CLOSED_GOP | AV_CODEC_FLAG_BITEXACT;
    av::Options options;
    options.set("preset", settings.preset);
    options.set("crf", std::to_string(settings.crf));
    options.set("x264-params", kReproducible);
    const int status = avcodec_open2(encoder_.get(), codec, options.get());
    if (status < 0) {
      return rejected(fmt::format("cannot encode {}x{} pixels as H.264: {}", size_.width,
                                  size_.height, log.explain(status)));
    }
    segment_.codec = settings.codec;
    segment_.extradata.assign(reinterpret_cast<const char*>(encoder_->extradata),
                              static_cast<std::size_t>(encoder_->extradata_size));
    segment_.width = static_cast<std::uint32_t>(size_.width);
    segment_.height = static_cast<std::uint32_t>(size_.height);
    return done();
  }

  Status add(const AVFrame& frame) {
    POSEFLEET_TRY_DO(check_fits(frame));
    av::Frame ours;
    if (size_.width != frame.width || size_.height != frame.height) {
      ours = pad(frame, size_);
    } else {
      ours = av::make_frame();
      POSEFLEET_CHECK(av_frame_ref(ours.get(), &frame) >= 0);  // no copy of the samples
    }
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
  void describe_pictures(const AVFrame& first) {
    encoder_->width = size_.width;
    encoder_->height = size_.height;
    encoder_->pix_fmt = static_cast<AVPixelFormat>(first.format);
    encoder_->color_range = first.color_range;
    encoder_->colorspace = first.colorspace;
    encoder_->color_primaries = first.color_primaries;
    encoder_->color_trc = first.color_trc;
    encoder_->chroma_sample_location = first.chroma_location;
    encoder_->sample_aspect_ratio = first.sample_aspect_ratio;
  }

  Status check_fits(const AVFrame& frame) const {
    if (frame.width != frame_width_ || frame.height != frame_height_ ||
        frame.format != encoder_->pix_fmt) {
      return rejected(fmt::format(
          "the frame at tick {} is {}x{} {}, the segment's first was {}x{} {}", frame.pts,
          frame.width, frame.height, av_get_pix_fmt_name(static_cast<AVPixelFormat>(frame.format)),
          frame_width_, frame_height_, av_get_pix_fmt_name(encoder_->pix_fmt)));
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
                                                       static_cast<std::size_t>(packet->size))});
      av_packet_unref(packet.get());
    }
    if (status == AVERROR(EAGAIN) || status == AVERROR_EOF) return done();
    return failed(status, log);
  }

  static Error failed(int status, const av::LogScope& log) {
    return internal_error(fmt::format("the H.264 encoder failed: {}", log.explain(status)));
  }

  av::CodecContext encoder_;
  Padding size_{};  // of the encoded pictures
  int frame_width_ = 0;
  int frame_height_ = 0;
  std::optional<std::int64_t> last_pts_;
  EncodedSegment segment_;
};

SegmentEncoder::SegmentEncoder(std::unique_ptr<State> state) : state_(std::move(state)) {}
SegmentEncoder::SegmentEncoder(SegmentEncoder&& other) noexcept = default;
SegmentEncoder::~SegmentEncoder() = default;

Result<SegmentEncoder> SegmentEncoder::create(const EncodeSettings& settings,
                                              const FrameTable& table, const VideoFrame& first) {
  POSEFLEET_TRY_DO(check_settings(settings));
  auto state = std::make_unique<State>();
  POSEFLEET_TRY_DO(state->open(settings, table, *first.handle().frame));
  return SegmentEncoder(std::move(state));
}

Status SegmentEncoder::add(const VideoFrame& frame) {
  return state_->add(*frame.handle().frame);
}

Result<EncodedSegment> SegmentEncoder::finish() {
  return state_->finish();
}

}  // namespace posefleet

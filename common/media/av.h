// Private to common/media: FFmpeg's objects in handles that free themselves, its errors as ours.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>
#include <libswscale/swscale.h>
}

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/media/video_frame.h"
#include "common/protocol/video.h"

namespace posefleet::av {

struct Deleter {
  void operator()(AVFormatContext* context) const { avformat_close_input(&context); }
  void operator()(AVCodecContext* context) const { avcodec_free_context(&context); }
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
  void operator()(SwsContext* context) const { sws_freeContext(context); }
};
using InputContext = std::unique_ptr<AVFormatContext, Deleter>;  // not for output contexts
using CodecContext = std::unique_ptr<AVCodecContext, Deleter>;
using Packet = std::unique_ptr<AVPacket, Deleter>;
using Frame = std::unique_ptr<AVFrame, Deleter>;
using Scaler = std::unique_ptr<SwsContext, Deleter>;

// Never null: running out of memory ends the process.
Packet make_packet();
Frame make_frame();
// Shares the samples.
Frame share(const AVFrame& frame);

// Key and value options as FFmpeg wants them; calls leave in it what nobody understood.
class Options final {
 public:
  Options() = default;
  ~Options() { av_dict_free(&dictionary_); }
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;
  void set(const char* key, const std::string& value) {
    av_dict_set(&dictionary_, key, value.c_str(), 0);
  }
  AVDictionary** get() { return &dictionary_; }

 private:
  AVDictionary* dictionary_ = nullptr;
};

// While it lives, the first thing FFmpeg complains of on this thread is kept here, not printed.
// FFmpeg has one log callback per process and tells it no context that we own; so the callback is
// ours from the first scope on, and finds the scope by a thread-local pointer. What FFmpeg says
// outside any scope, or on its own threads, is dropped: every failure has a return code as well.
class LogScope final {
 public:
  LogScope();
  ~LogScope();
  LogScope(const LogScope&) = delete;
  LogScope& operator=(const LogScope&) = delete;

  const std::string& complaint() const { return complaint_; }
  bool mentions(std::string_view text) const { return complaint_.find(text) != std::string::npos; }
  // The code's text, and the complaint if there was one.
  std::string explain(int code) const;

 private:
  friend void keep_complaint(void* object, int level, const char* format, va_list arguments);
  LogScope* outer_;
  std::string complaint_;
};

// Rejected, except for what may pass (disk, memory).
ErrorCode code_of(int av_error);

// Times beyond this come from damaged headers, and their differences would overflow. At 10^9 ticks
// a second it is 36 years.
inline constexpr std::int64_t kTimeMax = std::int64_t{1} << 60;
constexpr bool is_time(std::int64_t ticks) {
  return ticks >= -kTimeMax && ticks <= kTimeMax;
}

inline AVRational to_av(Rational value) {
  return {static_cast<int>(value.num), static_cast<int>(value.den)};
}
inline Rational from_av(AVRational value) {
  return {value.num, value.den};
}

// "frame 17 (1.234000 s)": for messages.
std::string frame_name(const FrameTable& table, std::size_t index);

// A conversion between two formats of one size that gives the same bits on every processor.
// `matrix` and `full_range` say what the YUV side is; both sides keep their meaning.
struct Conversion {
  AVPixelFormat from;
  AVPixelFormat to;
  bool from_full_range;
  bool to_full_range;
  ColourMatrix matrix;
};
Status convert(const AVFrame& from, AVFrame& to, const Conversion& conversion);

ColourMatrix matrix_of(const AVFrame& frame);

// Any pixel format that swscale reads to compact B G R.
Result<BgrImage> frame_to_bgr(const AVFrame& frame);

// Whether the format is named for red, green and blue.
bool is_rgb(AVPixelFormat format);

// Planar Y, U, V in the machine's byte order; AV_PIX_FMT_NONE where FFmpeg has no such format.
// Shifts as in YuvPlanes.
AVPixelFormat planar_format(int chroma_shift_x, int chroma_shift_y, int depth);

// A copy in another format of the same size and time, by the frame's own matrix. RGB is full range,
// what becomes YUV from it is limited; other pictures keep their range, unless it
// `must_be_limited`.
struct TargetFormat {
  AVPixelFormat format = AV_PIX_FMT_NONE;
  bool must_be_limited = false;
};
Result<Frame> to_format(const AVFrame& from, const TargetFormat& target);

// Takes a decoded frame and returns it in one of the layouts that video_frame.h promises.
Result<VideoFrame> adopt_frame(Frame frame, std::int64_t pts, SampleDepth depth);

}  // namespace posefleet::av

namespace posefleet {
struct VideoFrame::Handle {
  // Planar as video_frame.h says, or RGBA64 of an overlay; color_range is always set.
  av::Frame frame;
};
}  // namespace posefleet

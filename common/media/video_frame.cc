#include "common/media/video_frame.h"

extern "C" {
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
}

#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "common/base/check.h"
#include "common/media/av.h"

namespace posefleet {
namespace av {
namespace {

// Players guess so, and encoders of untagged video count on it.
constexpr int kHighDefinitionHeight = 720;

int scaler_matrix(ColourMatrix matrix) {
  switch (matrix) {
    case ColourMatrix::Bt601:
      return SWS_CS_ITU601;
    case ColourMatrix::Bt709:
      return SWS_CS_ITU709;
    case ColourMatrix::Bt2020:
      return SWS_CS_BT2020;
  }
  return SWS_CS_ITU601;
}

bool is_drawable(AVPixelFormat format) {
  return format == AV_PIX_FMT_YUV420P || format == AV_PIX_FMT_YUV422P ||
         format == AV_PIX_FMT_YUV444P;
}

// The "j" formats are FFmpeg's older way to say full range; one way is enough.
void name_range_once(AVFrame& frame) {
  switch (frame.format) {
    case AV_PIX_FMT_YUVJ420P:
      frame.format = AV_PIX_FMT_YUV420P;
      break;
    case AV_PIX_FMT_YUVJ422P:
      frame.format = AV_PIX_FMT_YUV422P;
      break;
    case AV_PIX_FMT_YUVJ444P:
      frame.format = AV_PIX_FMT_YUV444P;
      break;
    default:
      if (frame.color_range == AVCOL_RANGE_UNSPECIFIED) frame.color_range = AVCOL_RANGE_MPEG;
      return;
  }
  frame.color_range = AVCOL_RANGE_JPEG;
}

bool is_rgb(AVPixelFormat format) {
  const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(format);
  return description != nullptr && (description->flags & AV_PIX_FMT_FLAG_RGB) != 0;
}

Result<Frame> convert_to_drawable(const AVFrame& from) {
  const auto format = static_cast<AVPixelFormat>(from.format);
  const bool rgb = is_rgb(format);
  Frame to = make_frame();
  POSEFLEET_CHECK(av_frame_copy_props(to.get(), &from) >= 0);
  to->format = AV_PIX_FMT_YUV420P;
  to->width = from.width;
  to->height = from.height;
  if (rgb) {
    to->colorspace = AVCOL_SPC_UNSPECIFIED;
    to->color_range = AVCOL_RANGE_MPEG;
  }
  POSEFLEET_CHECK(av_frame_get_buffer(to.get(), 0) >= 0);
  const bool full_range = from.color_range == AVCOL_RANGE_JPEG;
  POSEFLEET_TRY_DO(convert(from, *to,
                           {.from = format,
                            .to = AV_PIX_FMT_YUV420P,
                            .from_full_range = rgb || full_range,
                            .to_full_range = !rgb && full_range,
                            .matrix = matrix_of(*to)}));
  return to;
}

}  // namespace

ColourMatrix matrix_of(const AVFrame& frame) {
  switch (frame.colorspace) {
    case AVCOL_SPC_BT709:
    case AVCOL_SPC_SMPTE240M:  // the nearest that we have: weights 0.015 apart
      return ColourMatrix::Bt709;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
      return ColourMatrix::Bt2020;
    case AVCOL_SPC_FCC:
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
      return ColourMatrix::Bt601;
    default:
      return frame.height >= kHighDefinitionHeight ? ColourMatrix::Bt709 : ColourMatrix::Bt601;
  }
}

Status convert(const AVFrame& from, AVFrame& to, const Conversion& conversion) {
  // Bilinear is enough: the sizes are equal, only chroma is ever resampled. Interpolating chroma
  // between columns is left to sources that have it in every column: it costs 9.6 ms instead of
  // 1.6 ms at 720p, and readers of 4:2:0 repeat it (OpenCV does). These flags gave the same bits
  // with AVX-512, SSE2 and plain C; without accurate rounding they do not.
  int flags = SWS_BILINEAR | SWS_BITEXACT | SWS_ACCURATE_RND;
  const AVPixFmtDescriptor* source = av_pix_fmt_desc_get(conversion.from);
  if (source != nullptr && source->log2_chroma_w == 0) flags |= SWS_FULL_CHR_H_INT;
  const LogScope log;
  const Scaler scaler(sws_getContext(from.width, from.height, conversion.from, to.width, to.height,
                                     conversion.to, flags, nullptr, nullptr, nullptr));
  if (scaler == nullptr) {
    const char* name = av_get_pix_fmt_name(conversion.from);
    return rejected(fmt::format("pictures of {}x{} in pixel format {} cannot be converted: {}",
                                from.width, from.height, name == nullptr ? "unknown" : name,
                                log.complaint()));
  }
  const int* weights = sws_getCoefficients(scaler_matrix(conversion.matrix));
  // Brightness 0, contrast and saturation 1, in 16.16 fixed point: no change. Formats without a
  // matrix (grey) answer with an error, and need none.
  sws_setColorspaceDetails(scaler.get(), weights, conversion.from_full_range ? 1 : 0, weights,
                           conversion.to_full_range ? 1 : 0, 0, 1 << 16, 1 << 16);
  const int rows =
      sws_scale(scaler.get(), from.data, from.linesize, 0, from.height, to.data, to.linesize);
  if (rows != to.height) {
    return rejected(fmt::format("a picture of {}x{} could not be converted: {}", from.width,
                                from.height, log.complaint()));
  }
  return done();
}

Result<BgrImage> frame_to_bgr(const AVFrame& frame) {
  // swscale writes whole vectors, past the end of a row: into the next row, which it writes later,
  // and behind the last one into this margin. A padded copy of the picture would double the time,
  // most of it the kernel's, for fresh memory.
  constexpr std::size_t kMargin = 256;
  BgrImage image{.width = frame.width, .height = frame.height};
  const std::size_t row_bytes = static_cast<std::size_t>(frame.width) * 3;
  const std::size_t size = row_bytes * static_cast<std::size_t>(frame.height);
  image.pixels.resize(size + kMargin);
  AVFrame to{};  // only names the memory; nothing of it is FFmpeg's
  to.width = frame.width;
  to.height = frame.height;
  to.data[0] = image.pixels.data();
  to.linesize[0] = static_cast<int>(row_bytes);
  const auto format = static_cast<AVPixelFormat>(frame.format);
  const bool full_range = frame.color_range == AVCOL_RANGE_JPEG || is_rgb(format);
  POSEFLEET_TRY_DO(convert(frame, to,
                           {.from = format,
                            .to = AV_PIX_FMT_BGR24,
                            .from_full_range = full_range,
                            .to_full_range = true,
                            .matrix = matrix_of(frame)}));
  image.pixels.resize(size);
  return image;
}

Result<VideoFrame> adopt_frame(Frame frame, std::int64_t pts) {
  name_range_once(*frame);
  if (!is_drawable(static_cast<AVPixelFormat>(frame->format))) {
    POSEFLEET_TRY(frame, convert_to_drawable(*frame));
  }
  frame->pts = pts;
  return VideoFrame(std::make_unique<VideoFrame::Handle>(VideoFrame::Handle{std::move(frame)}));
}

}  // namespace av

VideoFrame::VideoFrame(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {
  POSEFLEET_CHECK(handle_ != nullptr && handle_->frame != nullptr);
}
VideoFrame::VideoFrame(VideoFrame&& other) noexcept = default;
VideoFrame& VideoFrame::operator=(VideoFrame&& other) noexcept = default;
VideoFrame::~VideoFrame() = default;

std::int64_t VideoFrame::pts() const {
  return handle_->frame->pts;
}
int VideoFrame::width() const {
  return handle_->frame->width;
}
int VideoFrame::height() const {
  return handle_->frame->height;
}

YuvPlanes VideoFrame::planes() {
  AVFrame& frame = *handle_->frame;
  POSEFLEET_CHECK(av_frame_make_writable(&frame) >= 0);
  YuvPlanes planes;
  for (int plane = 0; plane < 3; ++plane) {
    planes.data[plane] = frame.data[plane];
    planes.stride[plane] = frame.linesize[plane];
  }
  planes.width = frame.width;
  planes.height = frame.height;
  const AVPixFmtDescriptor* description =
      av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  planes.chroma_shift_x = description->log2_chroma_w;
  planes.chroma_shift_y = description->log2_chroma_h;
  planes.matrix = av::matrix_of(frame);
  planes.range = frame.color_range == AVCOL_RANGE_JPEG ? ColourRange::Full : ColourRange::Limited;
  return planes;
}

Result<VideoFrame> VideoFrame::blank_like(const VideoFrame& like, int width, int height) {
  const AVFrame& model = *like.handle_->frame;
  if (width <= 0 || height <= 0 ||
      av_image_check_size(static_cast<unsigned>(width), static_cast<unsigned>(height), 0, nullptr) <
          0) {
    return rejected(fmt::format("a frame of {}x{} pixels cannot be made", width, height));
  }
  // The matrix is guessed from the height when untagged; a canvas of another height must not change
  // the colours of what is copied into it.
  const ColourMatrix matrix = av::matrix_of(model);
  av::Frame frame = av::make_frame();
  POSEFLEET_CHECK(av_frame_copy_props(frame.get(), &model) >= 0);
  frame->format = model.format;
  frame->width = width;
  frame->height = height;
  if (av::matrix_of(*frame) != matrix) {
    frame->colorspace = matrix == ColourMatrix::Bt709 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
  }
  POSEFLEET_CHECK(av_frame_get_buffer(frame.get(), 0) >= 0);
  VideoFrame blank(std::make_unique<Handle>(Handle{std::move(frame)}));
  const YuvPlanes planes = blank.planes();
  const int black = planes.range == ColourRange::Full ? 0 : 16;
  for (int row = 0; row < height; ++row) {
    std::memset(planes.data[0] + row * planes.stride[0], black, static_cast<std::size_t>(width));
  }
  for (int plane = 1; plane < 3; ++plane) {
    for (int row = 0; row < planes.chroma_height(); ++row) {
      std::memset(planes.data[plane] + row * planes.stride[plane], 128,
                  static_cast<std::size_t>(planes.chroma_width()));
    }
  }
  return blank;
}

Result<BgrImage> to_bgr(const VideoFrame& frame) {
  return av::frame_to_bgr(*frame.handle().frame);
}

}  // namespace posefleet

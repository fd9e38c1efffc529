#include "common/media/video_frame.h"

extern "C" {
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
}

#include <algorithm>
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

int depth_of(const AVPixFmtDescriptor& format, SampleDepth wanted) {
  const int depth = format.comp[0].depth;
  if (wanted == SampleDepth::EightBits || depth <= 8) return 8;
  return depth <= 10 ? 10 : depth <= 12 ? 12 : 16;
}

// In which of the promised layouts a picture loses least. Never AV_PIX_FMT_NONE.
AVPixelFormat drawable_format(AVPixelFormat from, SampleDepth wanted) {
  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(from);
  if (format == nullptr) return AV_PIX_FMT_YUV420P;
  const int depth = depth_of(*format, wanted);
  if (is_rgb(from)) return depth > 8 ? planar_format(0, 0, depth) : AV_PIX_FMT_YUV420P;
  const bool has_chroma = format->nb_components >= 3;
  const bool is_promised = format->log2_chroma_w <= 1 && format->log2_chroma_h <= 1 &&
                           format->log2_chroma_h <= format->log2_chroma_w;
  if (!has_chroma || !is_promised) return planar_format(1, 1, depth);
  return planar_format(format->log2_chroma_w, format->log2_chroma_h, depth);
}

}  // namespace

bool is_rgb(AVPixelFormat format) {
  const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(format);
  return description != nullptr && (description->flags & AV_PIX_FMT_FLAG_RGB) != 0;
}

AVPixelFormat planar_format(int chroma_shift_x, int chroma_shift_y, int depth) {
  static_assert(AV_PIX_FMT_YUV420P10 == AV_PIX_FMT_YUV420P10LE, "the names below say le");
  const char* chroma = chroma_shift_x == 0 ? "444" : chroma_shift_y == 0 ? "422" : "420";
  return av_get_pix_fmt(
      (depth == 8 ? fmt::format("yuv{}p", chroma) : fmt::format("yuv{}p{}le", chroma, depth))
          .c_str());
}

Result<Frame> to_format(const AVFrame& from, const TargetFormat& target) {
  const AVPixelFormat format = target.format;
  const auto from_format = static_cast<AVPixelFormat>(from.format);
  Frame to = make_frame();
  POSEFLEET_CHECK(av_frame_copy_props(to.get(), &from) >= 0);
  to->format = format;
  to->width = from.width;
  to->height = from.height;
  const bool from_full = from.color_range == AVCOL_RANGE_JPEG || is_rgb(from_format);
  const bool to_full =
      is_rgb(format) || (!is_rgb(from_format) && from_full && !target.must_be_limited);
  if (is_rgb(from_format) && to->colorspace == AVCOL_SPC_RGB) {
    to->colorspace = AVCOL_SPC_UNSPECIFIED;
  }
  to->color_range = to_full ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
  POSEFLEET_CHECK(av_frame_get_buffer(to.get(), 0) >= 0);
  POSEFLEET_TRY_DO(convert(from, *to,
                           {.from = from_format,
                            .to = format,
                            .from_full_range = from_full,
                            .to_full_range = to_full,
                            .matrix = matrix_of(*to)}));
  return to;
}

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

Result<VideoFrame> adopt_frame(Frame frame, std::int64_t pts, SampleDepth depth) {
  name_range_once(*frame);
  const AVPixelFormat format = drawable_format(static_cast<AVPixelFormat>(frame->format), depth);
  if (frame->format != format) {
    POSEFLEET_TRY(frame, to_format(*frame, {format}));
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
  POSEFLEET_CHECK((description->flags & AV_PIX_FMT_FLAG_RGB) == 0);
  planes.depth = description->comp[0].depth;
  planes.chroma_shift_x = description->log2_chroma_w;
  planes.chroma_shift_y = description->log2_chroma_h;
  planes.matrix = av::matrix_of(frame);
  planes.range = frame.color_range == AVCOL_RANGE_JPEG ? ColourRange::Full : ColourRange::Limited;
  return planes;
}

namespace {

void fill_plane(const YuvPlanes& planes, int plane, int value) {
  const int width = plane == 0 ? planes.width : planes.chroma_width();
  const int height = plane == 0 ? planes.height : planes.chroma_height();
  for (int row = 0; row < height; ++row) {
    std::uint8_t* to = planes.data[plane] + row * planes.stride[plane];
    if (planes.depth == 8) {
      std::memset(to, value, static_cast<std::size_t>(width));
    } else {
      std::fill_n(reinterpret_cast<std::uint16_t*>(to), width, static_cast<std::uint16_t>(value));
    }
  }
}

void fill_black(const YuvPlanes& planes) {
  const int unit = 1 << (planes.depth - 8);
  fill_plane(planes, 0, planes.range == ColourRange::Full ? 0 : 16 * unit);
  for (int plane = 1; plane < 3; ++plane) fill_plane(planes, plane, 128 * unit);
}

}  // namespace

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
  fill_black(planes);
  return blank;
}

VideoFrame VideoFrame::transparent_like(const VideoFrame& like) {
  const AVFrame& model = *like.handle_->frame;
  av::Frame frame = av::make_frame();
  POSEFLEET_CHECK(av_frame_copy_props(frame.get(), &model) >= 0);
  frame->format = AV_PIX_FMT_RGBA64;
  frame->width = model.width;
  frame->height = model.height;
  frame->color_range = AVCOL_RANGE_JPEG;
  POSEFLEET_CHECK(av_frame_get_buffer(frame.get(), 0) >= 0);
  for (int row = 0; row < frame->height; ++row) {
    std::memset(frame->data[0] + row * frame->linesize[0], 0,
                static_cast<std::size_t>(frame->width) * 4 * sizeof(std::uint16_t));
  }
  return VideoFrame(std::make_unique<Handle>(Handle{std::move(frame)}));
}

RgbaPlane VideoFrame::rgba() {
  AVFrame& frame = *handle_->frame;
  POSEFLEET_CHECK(frame.format == AV_PIX_FMT_RGBA64);
  POSEFLEET_CHECK(av_frame_make_writable(&frame) >= 0);
  return {reinterpret_cast<std::uint16_t*>(frame.data[0]),
          frame.linesize[0] / static_cast<std::ptrdiff_t>(sizeof(std::uint16_t)), frame.width,
          frame.height};
}

Result<BgrImage> to_bgr(const VideoFrame& frame) {
  return av::frame_to_bgr(*frame.handle().frame);
}

}  // namespace posefleet

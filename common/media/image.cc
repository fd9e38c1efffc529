#include "common/media/image.h"

extern "C" {
#include <libavutil/display.h>
}

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "common/base/check.h"
#include "common/files/files.h"
#include "common/media/av.h"

namespace posefleet {
namespace {

struct Kind {
  std::string_view magic;  // the file's first bytes
  AVCodecID codec;
};
constexpr std::array<Kind, 8> kKinds = {{
    {std::string_view("\x89PNG\r\n\x1a\n", 8), AV_CODEC_ID_PNG},
    {std::string_view("\xff\xd8\xff", 3), AV_CODEC_ID_MJPEG},
    {std::string_view("BM", 2), AV_CODEC_ID_BMP},
    {std::string_view("RIFF", 4), AV_CODEC_ID_WEBP},
    {std::string_view("II*\0", 4), AV_CODEC_ID_TIFF},
    {std::string_view("MM\0*", 4), AV_CODEC_ID_TIFF},
    {std::string_view("GIF87a", 6), AV_CODEC_ID_GIF},
    {std::string_view("GIF89a", 6), AV_CODEC_ID_GIF},
}};

AVCodecID kind_of(std::string_view bytes) {
  for (const Kind& kind : kKinds) {
    if (bytes.substr(0, kind.magic.size()) == kind.magic) return kind.codec;
  }
  return AV_CODEC_ID_NONE;
}

Status check_size(const std::string& name, int width, int height, const ImageLimits& limits) {
  if (width <= 0 || height <= 0) return rejected(fmt::format("{} has no pixels", name));
  if (width > limits.side_max || height > limits.side_max ||
      std::int64_t{width} * height > limits.pixels_max) {
    return rejected(fmt::format("{} is {}x{} pixels; at most {} on a side and {} in all are read",
                                name, width, height, limits.side_max, limits.pixels_max));
  }
  return done();
}

Result<av::Frame> decode_picture(const std::string& name, std::string_view bytes, AVCodecID kind,
                                 const ImageLimits& limits) {
  const av::LogScope log;
  const AVCodec* codec = avcodec_find_decoder(kind);
  if (codec == nullptr) {
    return rejected(fmt::format("{} is a {} picture, which this FFmpeg cannot decode", name,
                                avcodec_get_name(kind)));
  }
  const av::CodecContext decoder(avcodec_alloc_context3(codec));
  POSEFLEET_CHECK(decoder != nullptr);
  decoder->thread_count = 1;
  decoder->max_pixels = limits.pixels_max;
  decoder->flags |= AV_CODEC_FLAG_BITEXACT;
  // The TIFF decoder would stop at any private tag.
  if (kind != AV_CODEC_ID_TIFF) {
    decoder->err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
  }
  const av::Packet packet = av::make_packet();
  POSEFLEET_CHECK(av_new_packet(packet.get(), static_cast<int>(bytes.size())) >= 0);
  std::memcpy(packet->data, bytes.data(), bytes.size());
  packet->flags |= AV_PKT_FLAG_KEY;
  av::Frame frame = av::make_frame();
  int status = avcodec_open2(decoder.get(), codec, nullptr);
  if (status >= 0) status = avcodec_send_packet(decoder.get(), packet.get());
  if (status >= 0) status = avcodec_send_packet(decoder.get(), nullptr);
  if (status >= 0) status = avcodec_receive_frame(decoder.get(), frame.get());
  // The JPEG decoder fills in what is missing and mentions it only in passing.
  const bool mentioned = kind == AV_CODEC_ID_MJPEG && !log.complaint().empty();
  const bool damaged = status >= 0 && (frame->decode_error_flags != 0 || mentioned ||
                                       (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0);
  if (damaged) status = AVERROR_INVALIDDATA;
  if (status < 0) {
    return rejected(fmt::format("{} is cut off, damaged or too large to be decoded: {}", name,
                                log.explain(status)));
  }
  return frame;
}

// Turns and mirrors by the signs of the matrix, which has one entry per row for quarter turns.
// Other angles do not occur in photographs' orientation tags and are left alone.
BgrImage upright(BgrImage image, const std::int32_t* matrix) {
  const auto sign = [](std::int32_t value) { return (value > 0) - (value < 0); };
  const int xx = sign(matrix[0]);  // how a step to the right in the file moves on the screen
  const int xy = sign(matrix[1]);
  const int yx = sign(matrix[3]);  // and a step down
  const int yy = sign(matrix[4]);
  const bool straight = xx != 0 && yy != 0 && xy == 0 && yx == 0;
  const bool quarter = xx == 0 && yy == 0 && xy != 0 && yx != 0;
  if (!straight && !quarter) return image;
  if (straight && xx > 0 && yy > 0) return image;
  BgrImage turned{.width = straight ? image.width : image.height,
                  .height = straight ? image.height : image.width};
  turned.pixels.resize(image.pixels.size());
  const bool from_right = xx + yx < 0;
  const bool from_bottom = xy + yy < 0;
  const std::uint8_t* from = image.pixels.data();
  for (int row = 0; row < image.height; ++row) {
    for (int column = 0; column < image.width; ++column, from += 3) {
      int x = straight ? column : row;
      int y = straight ? row : column;
      if (from_right) x = turned.width - 1 - x;
      if (from_bottom) y = turned.height - 1 - y;
      const std::size_t pixel = static_cast<std::size_t>(y) * turned.width + x;
      std::memcpy(turned.pixels.data() + pixel * 3, from, 3);
    }
  }
  return turned;
}

Result<BgrImage> to_image(av::Frame frame) {
  std::int32_t matrix[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  const AVFrameSideData* orientation =
      av_frame_get_side_data(frame.get(), AV_FRAME_DATA_DISPLAYMATRIX);
  if (orientation != nullptr && orientation->size >= sizeof matrix) {
    std::memcpy(matrix, orientation->data, sizeof matrix);
  }
  // Still pictures are BT.601 at any size; the guess by height is for video.
  if (frame->colorspace == AVCOL_SPC_UNSPECIFIED) frame->colorspace = AVCOL_SPC_SMPTE170M;
  POSEFLEET_TRY(BgrImage image, av::frame_to_bgr(*frame));
  return upright(std::move(image), matrix);
}

av::Frame to_rgb_frame(const BgrImage& image) {
  av::Frame frame = av::make_frame();
  frame->format = AV_PIX_FMT_RGB24;
  frame->width = image.width;
  frame->height = image.height;
  POSEFLEET_CHECK(av_frame_get_buffer(frame.get(), 0) >= 0);
  const std::uint8_t* from = image.pixels.data();
  for (int row = 0; row < image.height; ++row) {
    std::uint8_t* to = frame->data[0] + row * frame->linesize[0];
    for (int column = 0; column < image.width; ++column, from += 3, to += 3) {
      to[0] = from[2];
      to[1] = from[1];
      to[2] = from[0];
    }
  }
  return frame;
}

}  // namespace

Result<BgrImage> read_image(const std::filesystem::path& path, const ImageLimits& limits) {
  POSEFLEET_TRY(const std::string bytes, read_whole_file(path, limits.file_bytes_max));
  return decode_image(path.string(), bytes, limits);
}

Result<BgrImage> decode_image(const std::string& name, std::string_view bytes,
                              const ImageLimits& limits) {
  const AVCodecID kind = kind_of(bytes);
  if (kind == AV_CODEC_ID_NONE) {
    return rejected(
        fmt::format("{} is not a picture: PNG, JPEG, BMP, WebP, TIFF and GIF are read", name));
  }
  POSEFLEET_TRY(av::Frame frame, decode_picture(name, bytes, kind, limits));
  POSEFLEET_TRY_DO(check_size(name, frame->width, frame->height, limits));
  return to_image(std::move(frame));
}

Status write_png(const std::filesystem::path& path, const BgrImage& image) {
  const std::string name = path.string();
  POSEFLEET_TRY_DO(check_size(name, image.width, image.height, ImageLimits{}));
  POSEFLEET_CHECK(image.pixels.size() == static_cast<std::size_t>(image.width) * image.height * 3);
  const AVCodec* codec = avcodec_find_encoder(AV_CODEC_ID_PNG);
  if (codec == nullptr) return internal_error("this FFmpeg was built without a PNG encoder");
  const av::LogScope log;
  const av::CodecContext encoder(avcodec_alloc_context3(codec));
  POSEFLEET_CHECK(encoder != nullptr);
  encoder->width = image.width;
  encoder->height = image.height;
  encoder->pix_fmt = AV_PIX_FMT_RGB24;
  encoder->time_base = {1, 1};
  encoder->thread_count = 1;
  encoder->flags |= AV_CODEC_FLAG_BITEXACT;
  const av::Frame frame = to_rgb_frame(image);
  const av::Packet packet = av::make_packet();
  int status = avcodec_open2(encoder.get(), codec, nullptr);
  if (status >= 0) status = avcodec_send_frame(encoder.get(), frame.get());
  if (status >= 0) status = avcodec_send_frame(encoder.get(), nullptr);
  if (status >= 0) status = avcodec_receive_packet(encoder.get(), packet.get());
  if (status < 0) {
    return internal_error(fmt::format("cannot encode {}: {}", name, log.explain(status)));
  }
  return write_file_durably(path, std::string_view(reinterpret_cast<const char*>(packet->data),
                                                   static_cast<std::size_t>(packet->size)));
}

}  // namespace posefleet

#include "common/media/input.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

#include "common/base/check.h"

namespace posefleet::av {
namespace {

// Names of FFmpeg's demuxers. Absent on purpose: play lists and scripts (hls, dash, concat), which
// name other files; picture sequences; text and teletype formats, which accept nearly anything.
constexpr const char* kContainers =
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,h264,hevc,m4v,ivf,"
    "gif,nut,mxf,dv,wtv,yuv4mpegpipe,obu,av1";

// A decoder that has nothing left must say so; one that only reports errors is given up.
constexpr std::uint32_t kErrorsWhileDrainingMax = 1000;

Status check_regular_file(const std::filesystem::path& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    return rejected(fmt::format("cannot open {}: {}", path.string(), std::strerror(errno)));
  }
  if (S_ISDIR(info.st_mode)) {
    return rejected(fmt::format("{} is a folder; name a video file", path.string()));
  }
  if (!S_ISREG(info.st_mode)) {
    return rejected(fmt::format("{} is not a regular file", path.string()));
  }
  if (info.st_size == 0) return rejected(fmt::format("{} is empty (0 bytes)", path.string()));
  return done();
}

// FFmpeg believes a file's name when the content says nothing, so a letter called a.mp4 is to it an
// MP4 without an index. Real ones start with one of these boxes.
bool starts_like_mp4(const std::filesystem::path& path) {
  char start[8] = {};
  std::ifstream file(path, std::ios::binary);
  if (!file.read(start, sizeof start)) return false;
  const std::string_view box(start + 4, 4);
  for (const std::string_view known :
       {"ftyp", "moov", "mdat", "free", "skip", "wide", "pnot", "moof", "styp"}) {
    if (box == known) return true;
  }
  return false;
}

Error cannot_open(const std::string& name, int code, const LogScope& log) {
  if (log.mentions("moov atom not found")) {
    if (!starts_like_mp4(name)) return rejected(fmt::format("{} is not a video file", name));
    return rejected(
        fmt::format("{} is cut off: the index (moov) of this MP4/MOV file is missing; "
                    "copy or record it again",
                    name));
  }
  if (code == AVERROR_INVALIDDATA || log.mentions("whitelist") || code == AVERROR(EINVAL)) {
    return rejected(
        fmt::format("{} is not a video file that can be read: {}", name, log.explain(code)));
  }
  return {code_of(code), fmt::format("cannot open {}: {}", name, log.explain(code))};
}

// `context` is a new one, set up by the caller. `protocols` are those that may be opened.
Result<InputContext> open_container(AVFormatContext* context, const std::string& name,
                                    const char* protocols) {
  const LogScope log;
  context->flags |= AVFMT_FLAG_GENPTS;  // AVI stores no presentation times
  Options options;
  options.set("protocol_whitelist", protocols);
  options.set("format_whitelist", kContainers);
  int code = avformat_open_input(&context, ("file:" + name).c_str(), nullptr, options.get());
  if (code < 0) return cannot_open(name, code, log);  // `context` is freed by the failed call
  InputContext input(context);
  code = avformat_find_stream_info(input.get(), nullptr);
  if (code < 0) return cannot_open(name, code, log);
  return input;
}

Result<CodecContext> open_decoder(const std::string& name, const AVStream& stream,
                                  const VideoReader::Options& options) {
  const AVCodec* codec = avcodec_find_decoder(stream.codecpar->codec_id);
  if (codec == nullptr) {
    return rejected(fmt::format("{} holds video in codec {}, which cannot be decoded here", name,
                                avcodec_get_name(stream.codecpar->codec_id)));
  }
  const LogScope log;
  CodecContext decoder(avcodec_alloc_context3(codec));
  POSEFLEET_CHECK(decoder != nullptr);
  // Carries video_delay too, without which the first pictures of a range come out of order.
  int status = avcodec_parameters_to_context(decoder.get(), stream.codecpar);
  decoder->pkt_timebase = stream.time_base;
  decoder->thread_count = options.threads;
  decoder->max_pixels = options.pixels_max;
  decoder->flags |= AV_CODEC_FLAG_BITEXACT;  // no processor-dependent transforms
  if (status >= 0) status = avcodec_open2(decoder.get(), codec, nullptr);
  if (status < 0) {
    return rejected(fmt::format("cannot decode the {} video of {}: {}", codec->name, name,
                                log.explain(status)));
  }
  return decoder;
}

}  // namespace

Result<InputContext> open_input(const std::filesystem::path& path) {
  POSEFLEET_TRY_DO(check_regular_file(path));
  AVFormatContext* context = avformat_alloc_context();
  POSEFLEET_CHECK(context != nullptr);
  return open_container(context, path.string(), "file");
}

Result<InputContext> open_input(const std::string& name, RemoteStream& stream) {
  AVFormatContext* context = avformat_alloc_context();
  POSEFLEET_CHECK(context != nullptr);
  context->pb = stream.handle();
  // No protocol has this name: nothing but the stream is opened, no file of this machine either.
  auto input = open_container(context, name, "none");
  if (!input && stream.failure()) return *stream.failure();
  return input;
}

int find_video_stream(AVFormatContext& context) {
  const int index = av_find_best_stream(&context, AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
  if (index < 0) return -1;
  if ((context.streams[index]->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0) return -1;
  return index;
}

void keep_only_stream(AVFormatContext& context, int stream_index) {
  for (unsigned i = 0; i < context.nb_streams; ++i) {
    const bool keep = static_cast<int>(i) == stream_index;
    context.streams[i]->discard = keep ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
  }
}

void keep_only_kind(AVFormatContext& context, AVMediaType kind) {
  for (unsigned i = 0; i < context.nb_streams; ++i) {
    const bool keep = context.streams[i]->codecpar->codec_type == kind;
    context.streams[i]->discard = keep ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
  }
}

bool shows_a_picture(const AVPacket& packet, AVCodecID codec) {
  if (codec != AV_CODEC_ID_VP8 || packet.size < 1) return true;
  constexpr int kShowFrameBit = 0x10;  // RFC 6386, 9.1
  return (packet.data[0] & kShowFrameBit) != 0;
}

Result<std::unique_ptr<VideoReader>> VideoReader::open(const VideoLocation& location,
                                                       int stream_index, const Options& options) {
  auto reader = std::make_unique<VideoReader>();
  const std::string name = name_of(location);
  if (const auto* remote = std::get_if<RemoteLocation>(&location)) {
    reader->remote_ = std::make_unique<RemoteStream>(*remote);
    POSEFLEET_TRY(reader->input_, open_input(name, *reader->remote_));
  } else {
    POSEFLEET_TRY(reader->input_, open_input(std::get<std::filesystem::path>(location)));
  }
  AVFormatContext& context = *reader->input_;
  const int index = stream_index >= 0 ? stream_index : find_video_stream(context);
  if (index < 0 || index >= static_cast<int>(context.nb_streams) ||
      context.streams[index]->codecpar->codec_type != AVMEDIA_TYPE_VIDEO) {
    if (reader->failure()) return *reader->failure();
    return rejected(fmt::format("{} has no video stream {}", name, index));
  }
  keep_only_stream(context, index);
  reader->stream_ = context.streams[index];
  POSEFLEET_TRY(reader->decoder_, open_decoder(name, *reader->stream_, options));
  return reader;
}

bool VideoReader::read_packet(AVPacket& packet) {
  for (;;) {
    // Any error ends the stream as the end of the file does: the probe stopped here as well.
    if (av_read_frame(input_.get(), &packet) < 0) return false;
    if (packet.stream_index == stream_->index) {
      ++packets_read_;
      return true;
    }
    av_packet_unref(&packet);
  }
}

void VideoReader::began_at(std::uint32_t ordinal, std::int64_t pts) {
  packets_read_ = ordinal + (pending_ == nullptr ? 0 : 1);
  began_at_pts_ = pts;
}

bool VideoReader::is_damaged(const AVFrame& frame) const {
  return (frame.flags & AV_FRAME_FLAG_CORRUPT) != 0 || frame.decode_error_flags != 0 ||
         damaged_pts_.contains(frame.best_effort_timestamp);
}

void VideoReader::note_damage(std::int64_t pts) {
  if (pts != AV_NOPTS_VALUE && pts < began_at_pts_) return;
  last_damage_ = packets_read_ == 0 ? 0 : packets_read_ - 1;
  if (pts == AV_NOPTS_VALUE) return;
  damaged_pts_.insert(pts);
  // Frames wait to be given no longer than the deepest reordering; older entries were lost.
  constexpr std::size_t kRemembered = 256;
  if (damaged_pts_.size() > kRemembered) damaged_pts_.erase(damaged_pts_.begin());
}

// What the decoder complains of, it found in the packet that it was given last.
void VideoReader::listen(const LogScope& log) {
  if (log.complaint().empty()) return;
  complaint_ = log.complaint();
  note_damage(sent_pts_);
}

bool VideoReader::seek(std::int64_t pts) {
  pending_.reset();
  draining_ = false;
  avcodec_flush_buffers(decoder_.get());
  return avformat_seek_file(input_.get(), stream_->index, INT64_MIN, pts, pts, 0) >= 0;
}

bool VideoReader::peek() {
  if (pending_ != nullptr) return true;
  Packet packet = make_packet();
  if (!read_packet(*packet)) return false;
  pending_ = std::move(packet);
  return true;
}

bool VideoReader::skip_packets(std::uint32_t count) {
  const Packet packet = make_packet();
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!read_packet(*packet)) return false;
    av_packet_unref(packet.get());
  }
  return true;
}

// Called when the decoder wants input: gives it a packet, or tells it that there are no more.
void VideoReader::feed() {
  if (!peek()) {
    draining_ = true;
    avcodec_send_packet(decoder_.get(), nullptr);
    return;
  }
  const Packet packet = std::move(pending_);
  // An error here is a damaged packet. The next one may be whole, so go on; the caller misses the
  // frame by its time and knows whether it matters.
  const LogScope log;
  sent_pts_ = packet->pts;
  const int status = avcodec_send_packet(decoder_.get(), packet.get());
  listen(log);
  if (status < 0 || (packet->flags & AV_PKT_FLAG_CORRUPT) != 0) note_damage(packet->pts);
}

Frame VideoReader::next() {
  Frame frame = make_frame();
  for (;;) {
    const LogScope log;
    const int status = avcodec_receive_frame(decoder_.get(), frame.get());
    listen(log);
    if (status >= 0) {
      if (is_damaged(*frame)) note_damage(frame->best_effort_timestamp);
      return frame;
    }
    if (status == AVERROR_EOF) return nullptr;
    if (status != AVERROR(EAGAIN)) note_damage(AV_NOPTS_VALUE);
    if (draining_) {
      if (++errors_while_draining_ > kErrorsWhileDrainingMax) return nullptr;
      continue;
    }
    feed();
  }
}

}  // namespace posefleet::av

#include "common/media/frame_table.h"

extern "C" {
#include <libavutil/display.h>
}

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

#include "common/media/av.h"
#include "common/media/input.h"

namespace posefleet {
namespace {

using av::is_time;

// So many packets of all streams may come before we call the file hostile: sound has at most some
// packets per frame, and limits.frames_max bounds the frames.
constexpr std::uint64_t kPacketsPerFrameMax = 16;

// How many frames are decoded to find out whether suspicious packet times are right. The B-frames
// of the encoders that write such times come in the first second.
constexpr std::size_t kSuspicionFrames = 60;

// For raw streams, which say neither times nor a rate. The rate that FFmpeg assumes as well.
constexpr Rational kRateAssumed{25, 1};

struct PacketFacts {
  std::int64_t pts;
  bool is_key;
  bool is_shown;
  bool is_corrupt;
};

struct Scan {
  std::vector<PacketFacts> video;  // file order
  std::uint64_t audio_packets = 0;
  std::string ended_early;  // why, or empty
};

Result<Scan> scan_packets(AVFormatContext& context, int video, const std::string& name,
                          const ProbeLimits& limits) {
  const av::LogScope log;
  Scan scan;
  const AVCodecID codec = context.streams[video]->codecpar->codec_id;
  const av::Packet packet = av::make_packet();
  std::uint64_t count = 0;
  int status = 0;
  while ((status = av_read_frame(&context, packet.get())) >= 0) {
    if (++count > kPacketsPerFrameMax * limits.frames_max) {
      return rejected(fmt::format("{} has more than {} packets", name, count - 1));
    }
    if (packet->stream_index == video) {
      if (scan.video.size() == limits.frames_max) {
        return rejected(fmt::format("{} has more than {} frames; cut it into several videos", name,
                                    limits.frames_max));
      }
      scan.video.push_back({.pts = packet->pts,
                            .is_key = (packet->flags & AV_PKT_FLAG_KEY) != 0,
                            .is_shown = (packet->flags & AV_PKT_FLAG_DISCARD) == 0 &&
                                        av::shows_a_picture(*packet, codec),
                            .is_corrupt = (packet->flags & AV_PKT_FLAG_CORRUPT) != 0});
    } else if (packet->stream_index < static_cast<int>(context.nb_streams) &&
               context.streams[packet->stream_index]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO) {
      ++scan.audio_packets;
    }
    av_packet_unref(packet.get());
  }
  if (status != AVERROR_EOF) scan.ended_early = log.explain(status);
  if (scan.ended_early.empty() && log.mentions("ended prematurely")) {
    scan.ended_early = log.complaint();
  }
  return scan;
}

// The frames' times in display order; nothing when packets lack times or repeat them.
std::optional<std::vector<std::int64_t>> times_from_packets(
    const std::vector<PacketFacts>& packets) {
  const auto first_key = std::find_if(packets.begin(), packets.end(),
                                      [](const PacketFacts& packet) { return packet.is_key; });
  if (first_key == packets.end() || !is_time(first_key->pts)) return std::nullopt;
  std::vector<std::int64_t> times;
  for (auto packet = first_key; packet != packets.end(); ++packet) {
    if (!packet->is_shown) continue;
    if (!is_time(packet->pts)) return std::nullopt;
    // What is shown before the first key frame refers to pictures that the file does not hold.
    if (packet->pts < first_key->pts) continue;
    times.push_back(packet->pts);
  }
  std::sort(times.begin(), times.end());
  if (std::adjacent_find(times.begin(), times.end()) != times.end()) return std::nullopt;
  return times;
}

std::vector<KeyPacket> keys_of(const std::vector<PacketFacts>& packets) {
  std::vector<KeyPacket> keys;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (packets[i].is_key && is_time(packets[i].pts)) {
      keys.push_back({packets[i].pts, static_cast<std::uint32_t>(i)});
    }
  }
  return keys;
}

// Two ways in which unique packet times are still wrong, both worth a look at the decoder: the
// codec reorders its frames, but the times never step back (decoding times stored as presentation
// times); or MPEG-4 with B-frames, which Xvid packs so that the times made up for AVI are off by a
// frame.
bool times_are_suspicious(const AVStream& stream, const std::vector<PacketFacts>& packets) {
  if (stream.codecpar->video_delay == 0) return false;
  if (stream.codecpar->codec_id == AV_CODEC_ID_MPEG4) return true;
  return std::is_sorted(packets.begin(), packets.end(),
                        [](const PacketFacts& a, const PacketFacts& b) { return a.pts < b.pts; });
}

std::int64_t pixels_max_of(const ProbeLimits& limits) {
  return std::int64_t{limits.side_max} * limits.side_max;
}

Result<bool> first_frames_match(const std::filesystem::path& path, const FrameTable& table,
                                const ProbeLimits& limits) {
  POSEFLEET_TRY(const auto reader,
                av::VideoReader::open(path, table.stream_index,
                                      {.threads = 1, .pixels_max = pixels_max_of(limits)}));
  const std::size_t count = std::min(kSuspicionFrames, table.pts.size());
  for (std::size_t i = 0; i < count; ++i) {
    const av::Frame frame = reader->next();
    if (frame == nullptr || frame->best_effort_timestamp != table.pts[i]) return false;
  }
  return true;
}

// Times by decoding everything. In this order of trust: the decoder's own, if they grow; the
// packets', if there are as many as frames (times right, order wrong); the rate, counted.
Status fill_by_decoding(const std::filesystem::path& path, const ProbeLimits& limits,
                        const std::optional<std::vector<std::int64_t>>& packet_times,
                        ProbeResult& result) {
  FrameTable& table = result.table;
  POSEFLEET_TRY(const auto reader,
                av::VideoReader::open(path, table.stream_index,
                                      {.threads = 1, .pixels_max = pixels_max_of(limits)}));
  std::vector<std::int64_t> times;
  while (const av::Frame frame = reader->next()) {
    if (times.size() == limits.frames_max) {
      return rejected(fmt::format("{} has more than {} frames", path.string(), limits.frames_max));
    }
    times.push_back(frame->best_effort_timestamp);
  }
  if (times.empty()) {
    return rejected(
        fmt::format("no frame of {} can be decoded: {}", path.string(),
                    reader->complaint().empty() ? "the file may be damaged" : reader->complaint()));
  }
  table.needs_sequential_decode = true;
  const bool grow =
      std::adjacent_find(times.begin(), times.end(), std::greater_equal<>()) == times.end();
  if (grow && is_time(times.front()) && is_time(times.back())) {
    table.pts = std::move(times);
  } else if (packet_times.has_value() && packet_times->size() == times.size()) {
    table.pts = *packet_times;
  } else {
    if (table.average_rate.num <= 0) table.average_rate = kRateAssumed;
    table.time_base = {table.average_rate.den, table.average_rate.num};
    table.pts.resize(times.size());
    for (std::size_t i = 0; i < times.size(); ++i) table.pts[i] = static_cast<std::int64_t>(i);
    result.warnings.push_back(
        fmt::format("{} holds no usable frame times; {}/{} frames per second are assumed",
                    path.string(), table.average_rate.num, table.average_rate.den));
  }
  return done();
}

std::int32_t rotation_quarters_of(const AVStream& stream) {
  std::size_t size = 0;
  const std::uint8_t* matrix = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
  if (matrix == nullptr || size < 9 * sizeof(std::int32_t)) return 0;
  std::int32_t values[9];
  std::memcpy(values, matrix, sizeof values);
  const double anticlockwise = av_display_rotation_get(values);  // degrees, or NaN
  if (!std::isfinite(anticlockwise)) return 0;
  return ((static_cast<std::int32_t>(std::lround(-anticlockwise / 90.0)) % 4) + 4) % 4;
}

Result<FrameTable> describe_stream(const AVStream& stream, const std::string& name,
                                   const ProbeLimits& limits) {
  const AVCodecParameters& parameters = *stream.codecpar;
  const auto side_max = static_cast<int>(std::min<std::uint32_t>(limits.side_max, INT32_MAX));
  if (parameters.width <= 0 || parameters.height <= 0) {
    return rejected(
        fmt::format("{}: the size of its pictures cannot be found; the file may be "
                    "damaged",
                    name));
  }
  if (parameters.width > side_max || parameters.height > side_max) {
    return rejected(fmt::format("{} is {}x{} pixels; at most {} on a side are accepted", name,
                                parameters.width, parameters.height, side_max));
  }
  FrameTable table;
  table.time_base = av::from_av(stream.time_base);
  AVRational rate = stream.avg_frame_rate;
  if (rate.num <= 0 || rate.den <= 0) rate = stream.r_frame_rate;
  if (rate.num > 0 && rate.den > 0) table.average_rate = av::from_av(rate);
  table.stream_index = stream.index;
  table.width = static_cast<std::uint32_t>(parameters.width);
  table.height = static_cast<std::uint32_t>(parameters.height);
  table.rotation_quarters = rotation_quarters_of(stream);
  table.codec = avcodec_get_name(parameters.codec_id);
  return table;
}

std::uint32_t count_audio_streams(const AVFormatContext& context) {
  std::uint32_t count = 0;
  for (unsigned i = 0; i < context.nb_streams; ++i) {
    if (context.streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO) ++count;
  }
  return count;
}

// Says what cannot be shown as it was, as far as packets tell.
void judge_the_frames(const std::string& name, const std::vector<PacketFacts>& packets,
                      std::vector<std::string>& warnings) {
  const auto first_key = std::find_if(packets.begin(), packets.end(),
                                      [](const PacketFacts& packet) { return packet.is_key; });
  if (first_key == packets.end()) return;
  const auto is_lost = [&](const PacketFacts& packet) {
    return packet.is_shown && is_time(packet.pts) && packet.pts < first_key->pts;
  };
  auto lost = std::count_if(first_key, packets.end(), is_lost);
  lost += std::count_if(packets.begin(), first_key,
                        [](const PacketFacts& packet) { return packet.is_shown; });
  if (lost > 0) {
    warnings.push_back(fmt::format(
        "{}: its first {} frames cannot be decoded, because they refer to pictures that the file "
        "does not hold, and are left out",
        name, lost));
  }
  const auto corrupt = std::count_if(packets.begin(), packets.end(),
                                     [](const PacketFacts& packet) { return packet.is_corrupt; });
  if (corrupt > 0) {
    warnings.push_back(
        fmt::format("{}: {} of its {} video packets are damaged; frames may be missing or wrong",
                    name, corrupt, packets.size()));
  }
}

// Says what is missing, and drops a last frame of which only a part is there.
void judge_the_end(const AVStream& stream, const std::string& name, Scan& scan,
                   std::vector<std::string>& warnings) {
  const std::size_t found = scan.video.size();
  if (found > 1 && scan.video.back().is_corrupt) {
    scan.video.pop_back();
    warnings.push_back(fmt::format("{}: its last frame is cut off and is left out", name));
  }
  if (!scan.ended_early.empty()) {
    warnings.push_back(fmt::format("{} ends early, after {} frames: {}", name, scan.video.size(),
                                   scan.ended_early));
  } else if (stream.nb_frames > 0 && static_cast<std::uint64_t>(stream.nb_frames) > found) {
    warnings.push_back(fmt::format("{} should hold {} frames, but {} are there", name,
                                   stream.nb_frames, scan.video.size()));
  }
}

}  // namespace

Result<ProbeResult> probe_frame_table(const std::filesystem::path& path,
                                      const ProbeLimits& limits) {
  const std::string name = path.string();
  POSEFLEET_TRY(const av::InputContext input, av::open_input(path));
  const int video = av::find_video_stream(*input);
  if (video < 0) {
    return rejected(fmt::format("{} has no video stream{}", name,
                                count_audio_streams(*input) > 0 ? ", only sound" : ""));
  }
  const AVStream& stream = *input->streams[video];
  ProbeResult result;
  POSEFLEET_TRY(result.table, describe_stream(stream, name, limits));
  POSEFLEET_TRY(Scan scan, scan_packets(*input, video, name, limits));
  result.audio_streams = count_audio_streams(*input);
  result.audio_packets = scan.audio_packets;
  judge_the_end(stream, name, scan, result.warnings);
  if (scan.video.empty()) {
    return rejected(fmt::format("{} has a video stream without frames{}{}", name,
                                scan.ended_early.empty() ? "" : ": ", scan.ended_early));
  }

  const auto times = times_from_packets(scan.video);
  result.table.keys = keys_of(scan.video);
  bool usable = times.has_value() && !times->empty();
  if (usable) {
    judge_the_frames(name, scan.video, result.warnings);
    result.table.pts = *times;
    if (times_are_suspicious(stream, scan.video)) {
      POSEFLEET_TRY(usable, first_frames_match(path, result.table, limits));
    }
  }
  if (!usable) {
    POSEFLEET_TRY_DO(fill_by_decoding(path, limits, times, result));
    result.warnings.push_back(
        fmt::format("{}: its packets do not tell the order of its frames; all of them were decoded "
                    "to find it, and each range of frames is decoded from the start",
                    name));
  }
  return result;
}

Result<SourceFile> identify_source(const std::filesystem::path& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    return rejected(fmt::format("cannot open {}: {}", path.string(), std::strerror(errno)));
  }
  if (!S_ISREG(info.st_mode)) {
    return rejected(fmt::format("{} is not a regular file", path.string()));
  }
  constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
  return SourceFile{
      .path = path.string(),
      .size = static_cast<std::uint64_t>(info.st_size),
      .modified_ns = info.st_mtim.tv_sec * kNanosecondsPerSecond + info.st_mtim.tv_nsec};
}

Status check_source_unchanged(const SourceFile& source) {
  POSEFLEET_TRY(const SourceFile now, identify_source(source.path));
  if (now.size != source.size) {
    return rejected(
        fmt::format("{} changed while it was being used: {} bytes, before {}; submit "
                    "it again",
                    source.path, now.size, source.size));
  }
  if (now.modified_ns != source.modified_ns) {
    return rejected(
        fmt::format("{} was written to while it was being used (modified at {} ns, "
                    "before {} ns); submit it again",
                    source.path, now.modified_ns, source.modified_ns));
  }
  return done();
}

}  // namespace posefleet

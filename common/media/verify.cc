#include "common/media/verify.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "common/media/audio_reader.h"
#include "common/media/av.h"
#include "common/media/decoder.h"
#include "common/media/frame_table.h"

namespace posefleet {
namespace {

enum class Match { Exact, NearestTick, Off };

// Whether a time read from the output is the source's, or the nearest that the output can say.
Match match_times(std::int64_t out, AVRational out_base, std::int64_t source,
                  AVRational source_base) {
  if (av_compare_ts(out, out_base, source, source_base) == 0) return Match::Exact;
  return av_rescale_q(source, source_base, out_base) == out ? Match::NearestTick : Match::Off;
}

double seconds(std::int64_t ticks, AVRational time_base) {
  return static_cast<double>(ticks) * av_q2d(time_base);
}

Status verify_frames(const std::string& name, const FrameTable& out, const FrameTable& table,
                     VerifyReport& report) {
  if (out.pts.size() != table.pts.size()) {
    return internal_error(
        fmt::format("{} has {} frames, its source {}", name, out.pts.size(), table.pts.size()));
  }
  const AVRational out_base = av::to_av(out.time_base);
  const AVRational base = av::to_av(table.time_base);
  for (std::size_t i = 0; i < table.pts.size(); ++i) {
    const Match match = match_times(out.pts[i], out_base, table.pts[i], base);
    if (match == Match::Off) {
      return internal_error(fmt::format("{} shows {} of its source at {:.6f} s", name,
                                        av::frame_name(table, i), seconds(out.pts[i], out_base)));
    }
    report.video_times_exact &= match == Match::Exact;
  }
  report.frames = out.frame_count();
  return done();
}

// The sound's own bytes.
std::string_view payload_of(const AVPacket& packet, const AVStream& stream) {
  std::string_view bytes(reinterpret_cast<const char*>(packet.data),
                         static_cast<std::size_t>(packet.size));
  bytes.remove_prefix(av::adts_header_size(packet, *stream.codecpar));
  return bytes;
}

// Two open sounds, the output's and the source's, one stream of each.
struct Pair {
  av::AudioReader& out;
  av::AudioReader& source;
  int ordinal;
  const std::string& name;

  std::string sound() const { return fmt::format("{}: sound stream {}", name, ordinal); }
};

// Sample formats without packets of their own: each sample stands for itself.
bool is_pcm(AVCodecID codec) {
  return av_get_exact_bits_per_sample(codec) >= 8;
}

Status verify_packets(const Pair& pair, VerifyReport& report) {
  const av::Packet out = av::make_packet();
  const av::Packet source = av::make_packet();
  for (std::uint64_t count = 0;; ++count) {
    av_packet_unref(out.get());
    av_packet_unref(source.get());
    POSEFLEET_TRY(const int out_stream, pair.out.next(*out));
    POSEFLEET_TRY(const int source_stream, pair.source.next(*source));
    if (out_stream < 0 && source_stream < 0) return done();
    if (out_stream < 0 || source_stream < 0) {
      return internal_error(fmt::format("{} ends after {} packets, the source's {}", pair.sound(),
                                        count, out_stream < 0 ? "goes on" : "ends before"));
    }
    const AVStream& out_info = pair.out.stream(pair.ordinal);
    const AVStream& source_info = pair.source.stream(pair.ordinal);
    if (payload_of(*out, out_info) != payload_of(*source, source_info)) {
      return internal_error(fmt::format("{}, packet {}: {} bytes that differ from the source's {}",
                                        pair.sound(), count, out->size, source->size));
    }
    const Match match =
        match_times(out->pts, out_info.time_base, source->pts, source_info.time_base);
    const bool both_before_zero = out->pts < 0 && source->pts < 0;
    if (match == Match::Off && !both_before_zero) {
      return internal_error(fmt::format("{}, packet {} is at {:.6f} s, in the source at {:.6f} s",
                                        pair.sound(), count, seconds(out->pts, out_info.time_base),
                                        seconds(source->pts, source_info.time_base)));
    }
    report.audio_times_exact &= match == Match::Exact;
    ++report.audio_packets;
  }
}

// Keeps one packet and how much of it was compared.
class ByteStream final {
 public:
  ByteStream(av::AudioReader& reader, int ordinal)
      : reader_(reader), ordinal_(ordinal), packet_(av::make_packet()) {}

  // False at the end.
  Result<bool> fill() {
    while (rest_.empty()) {
      av_packet_unref(packet_.get());
      POSEFLEET_TRY(const int stream, reader_.next(*packet_));
      if (stream < 0) return false;
      if (packets_++ == 0) first_pts_ = packet_->pts;
      rest_ = payload_of(*packet_, reader_.stream(ordinal_));
    }
    return true;
  }
  std::string_view rest() const { return rest_; }
  void drop(std::size_t count) { rest_.remove_prefix(count); }
  std::uint64_t packets() const { return packets_; }
  std::int64_t first_pts() const { return first_pts_; }

 private:
  av::AudioReader& reader_;
  const int ordinal_;
  av::Packet packet_;
  std::string_view rest_;  // into packet_
  std::uint64_t packets_ = 0;
  std::int64_t first_pts_ = 0;
};

Status verify_samples(const Pair& pair, VerifyReport& report) {
  ByteStream out(pair.out, pair.ordinal);
  ByteStream source(pair.source, pair.ordinal);
  for (std::uint64_t position = 0;;) {
    POSEFLEET_TRY(const bool out_has, out.fill());
    POSEFLEET_TRY(const bool source_has, source.fill());
    if (!out_has && !source_has) break;
    if (out_has != source_has) {
      return internal_error(fmt::format("{} ends after {} bytes, the source's {}", pair.sound(),
                                        position, source_has ? "goes on" : "ends before"));
    }
    const std::size_t count = std::min(out.rest().size(), source.rest().size());
    if (out.rest().substr(0, count) != source.rest().substr(0, count)) {
      return internal_error(fmt::format("{} differs from the source's within {} bytes after {}",
                                        pair.sound(), count, position));
    }
    out.drop(count);
    source.drop(count);
    position += count;
  }
  report.audio_packets += source.packets();
  if (source.packets() == 0) return done();
  const Match match = match_times(out.first_pts(), pair.out.stream(pair.ordinal).time_base,
                                  source.first_pts(), pair.source.stream(pair.ordinal).time_base);
  if (match == Match::Off) {
    return internal_error(fmt::format("{} starts at another time than the source's", pair.sound()));
  }
  report.audio_times_exact &= match == Match::Exact;
  return done();
}

// One pass over both files for each stream, so that nothing has to be remembered.
Status verify_sound(const std::filesystem::path& out, const std::filesystem::path& source,
                    const FrameTable& table, const VerifyOptions& options, VerifyReport& report) {
  const av::AudioReader::Cut cut = av::AudioReader::cut_of(table);
  POSEFLEET_TRY(const auto all, av::AudioReader::open(source, -1, cut));
  if (!options.has_sound) all->leave_all_out();
  POSEFLEET_TRY(const auto all_out, av::AudioReader::open(out, -1));
  if (all_out->stream_count() != all->stream_count()) {
    return internal_error(fmt::format("{} has {} sound streams, its source {}", out.string(),
                                      all_out->stream_count(), all->stream_count()));
  }
  for (int ordinal = 0; ordinal < all->stream_count(); ++ordinal) {
    POSEFLEET_TRY(const auto out_sound, av::AudioReader::open(out, ordinal));
    POSEFLEET_TRY(const auto source_sound, av::AudioReader::open(source, ordinal, cut));
    const std::string name = out.string();
    const Pair pair{*out_sound, *source_sound, ordinal, name};
    if (is_pcm(source_sound->stream(ordinal).codecpar->codec_id)) {
      POSEFLEET_TRY_DO(verify_samples(pair, report));
    } else {
      POSEFLEET_TRY_DO(verify_packets(pair, report));
    }
    report.audio_packets_left_out += source_sound->left_out();
  }
  report.audio_streams = static_cast<std::uint32_t>(all->stream_count());
  return done();
}

// As they are stored: converting the samples would cost more than decoding them.
Status decode_all(const std::filesystem::path& out, const FrameTable& table, int threads,
                  VerifyReport& report) {
  const DecodeOptions options = {.threads = threads, .depth = SampleDepth::AsInSource};
  POSEFLEET_TRY(RangeDecoder decoder,
                RangeDecoder::open(out, table, {0, table.frame_count()}, options));
  for (;;) {
    POSEFLEET_TRY(const auto frame, decoder.next());
    if (!decoder.damaged_frames().empty()) {
      return internal_error(fmt::format("{} of {} cannot be decoded",
                                        av::frame_name(table, decoder.damaged_frames().front()),
                                        out.string()));
    }
    if (!frame.has_value()) return done();
    ++report.frames_decoded;
  }
}

}  // namespace

Result<VerifyReport> verify_output(const std::filesystem::path& out,
                                   const std::filesystem::path& source, const FrameTable& table,
                                   const VerifyOptions& options) {
  VerifyReport report;
  POSEFLEET_TRY(const ProbeResult probed, probe_frame_table(out));
  POSEFLEET_TRY_DO(verify_frames(out.string(), probed.table, table, report));
  POSEFLEET_TRY_DO(verify_sound(out, source, table, options, report));
  if (options.decode_frames) {
    POSEFLEET_TRY_DO(decode_all(out, probed.table, options.decode_threads, report));
  }
  return report;
}

}  // namespace posefleet

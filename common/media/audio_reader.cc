#include "common/media/audio_reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/media/input.h"

namespace posefleet::av {
namespace {

// Packets closer than this would fall on one tick of an 8 kHz track, which MP4 refuses. The
// shortest packets in use (Opus) last 2.5 ms.
constexpr AVRational kAdvanceMin{1, 4000};  // seconds

bool has_adts_headers(const AVCodecParameters& parameters) {
  return parameters.codec_id == AV_CODEC_ID_AAC && parameters.extradata_size == 0;
}

}  // namespace

std::size_t adts_header_size(const AVPacket& packet, const AVCodecParameters& parameters) {
  // ISO 13818-7, 6.2: 12 bits of ones, layer 0, a rate index below 13, then sizes.
  constexpr int kHeader = 7;
  if (!has_adts_headers(parameters) || packet.size < kHeader) return 0;
  const std::uint8_t* bytes = packet.data;
  if (bytes[0] != 0xff || (bytes[1] & 0xf6) != 0xf0) return 0;
  const int rate_index = (bytes[2] >> 2) & 0xf;
  const int frame_size = (bytes[3] & 3) << 11 | bytes[4] << 3 | bytes[5] >> 5;
  const bool has_checksum = (bytes[1] & 1) == 0;
  const int size = has_checksum ? kHeader + 2 : kHeader;
  const int blocks_more = bytes[6] & 3;
  if (rate_index >= 13 || frame_size < size || packet.size < size) return 0;
  if (has_checksum && blocks_more > 0) return 0;  // FFmpeg does not take such packets apart
  return static_cast<std::size_t>(size);
}

// Reads until every stream has shown a packet: at once in files as they should be.
std::vector<AudioReader::Stream> AudioReader::find_streams(AVFormatContext& context,
                                                           const std::string& name, const Cut& cut,
                                                           std::vector<std::string>& notes) {
  std::vector<int> silent;
  std::vector<Stream> found;
  for (unsigned i = 0; i < context.nb_streams; ++i) {
    const AVCodecParameters& parameters = *context.streams[i]->codecpar;
    if (parameters.codec_type != AVMEDIA_TYPE_AUDIO) continue;
    if (parameters.codec_id == AV_CODEC_ID_NONE || parameters.sample_rate <= 0) {
      notes.push_back(
          fmt::format("stream {} of {} is sound in an unknown codec and is left out", i, name));
      continue;
    }
    silent.push_back(static_cast<int>(i));
    found.push_back({.index = static_cast<int>(i)});
  }
  keep_only_kind(context, AVMEDIA_TYPE_AUDIO);
  const Packet packet = make_packet();
  while (!silent.empty() && av_read_frame(&context, packet.get()) >= 0) {
    const AVStream& stream = *context.streams[packet->stream_index];
    if (packet->size > 0 && is_inside(*packet, stream, cut)) {
      std::erase(silent, packet->stream_index);
    }
    av_packet_unref(packet.get());
  }
  for (const int index : silent) {
    notes.push_back(
        fmt::format("stream {} of {} is sound without packets and is left out", index, name));
    std::erase_if(found, [index](const Stream& stream) { return stream.index == index; });
  }
  return found;
}

bool AudioReader::is_inside(const AVPacket& packet, const AVStream& stream, const Cut& cut) {
  if (!cut.span || packet.pts == AV_NOPTS_VALUE) return true;
  const AVRational time_base = to_av(cut.time_base);
  return av_compare_ts(packet.pts, stream.time_base, cut.span->begin, time_base) >= 0 &&
         av_compare_ts(packet.pts, stream.time_base, cut.span->end, time_base) < 0;
}

Result<std::unique_ptr<AudioReader>> AudioReader::open(const std::filesystem::path& path, int only,
                                                       const Cut& cut) {
  auto reader = std::make_unique<AudioReader>();
  POSEFLEET_TRY(reader->input_, open_input(path));
  reader->streams_ = find_streams(*reader->input_, path.string(), cut, reader->notes_);
  POSEFLEET_TRY(reader->input_, open_input(path));  // again from the start
  reader->only_ = only;
  reader->cut_ = cut;
  if (only < 0) {
    keep_only_kind(*reader->input_, AVMEDIA_TYPE_AUDIO);
  } else if (only < reader->stream_count()) {
    keep_only_stream(*reader->input_, reader->streams_[only].index);
  } else {
    return rejected(fmt::format("{} has {} sound streams; number {} is not there", path.string(),
                                reader->stream_count(), only));
  }
  return reader;
}

// Completes the packet's times; false for one that no container would take.
bool AudioReader::accept(Stream& stream, AVPacket& packet) const {
  const AVStream& info = *input_->streams[stream.index];
  if (has_adts_headers(*info.codecpar) && adts_header_size(packet, *info.codecpar) == 0) {
    return false;
  }
  if (packet.dts == AV_NOPTS_VALUE) packet.dts = packet.pts;
  if (packet.dts == AV_NOPTS_VALUE) packet.dts = stream.next_dts;
  if (packet.pts == AV_NOPTS_VALUE) packet.pts = packet.dts;
  if (!is_time(packet.dts) || !is_time(packet.pts)) return false;
  if (stream.last_dts != AV_NOPTS_VALUE &&
      av_compare_ts(packet.dts - stream.last_dts, info.time_base, 1, kAdvanceMin) < 0) {
    return false;
  }
  stream.last_dts = packet.dts;
  stream.next_dts = packet.dts + std::clamp<std::int64_t>(packet.duration, 0, kTimeMax);
  return true;
}

Result<int> AudioReader::next(AVPacket& packet) {
  if (streams_.empty()) return -1;
  while (av_read_frame(input_.get(), &packet) >= 0) {
    for (int ordinal = 0; ordinal < stream_count(); ++ordinal) {
      Stream& stream = streams_[ordinal];
      if (stream.index != packet.stream_index || packet.size == 0) continue;
      // Opening has read some packets of all streams ahead.
      if (only_ >= 0 && only_ != ordinal) continue;
      if (!accept(stream, packet)) {
        ++left_out_;
        continue;
      }
      const AVStream& info = *input_->streams[stream.index];
      if (!is_inside(packet, info, cut_)) continue;
      if (cut_.span) {
        const std::int64_t shift =
            av_rescale_q(cut_.span->shift, to_av(cut_.time_base), info.time_base);
        packet.pts -= shift;
        packet.dts -= shift;
      }
      return ordinal;
    }
    av_packet_unref(&packet);  // unwanted, empty, or of a stream that appeared only now
  }
  return -1;
}

}  // namespace posefleet::av

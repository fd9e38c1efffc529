#include "common/media/audio_reader.h"

#include <fmt/format.h>

#include "common/media/input.h"

namespace posefleet::av {

Result<std::unique_ptr<AudioReader>> AudioReader::open(const std::filesystem::path& path,
                                                       int only) {
  auto reader = std::make_unique<AudioReader>();
  POSEFLEET_TRY(reader->input_, open_input(path));
  reader->only_ = only;
  AVFormatContext& context = *reader->input_;
  for (unsigned i = 0; i < context.nb_streams; ++i) {
    if (context.streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO) {
      reader->streams_.push_back({.index = static_cast<int>(i)});
    }
  }
  if (only < 0) {
    keep_only_kind(context, AVMEDIA_TYPE_AUDIO);
  } else if (only < reader->stream_count()) {
    keep_only_stream(context, reader->streams_[only].index);
  } else {
    return rejected(fmt::format("{} has {} sound streams; number {} is not there", path.string(),
                                reader->stream_count(), only));
  }
  return reader;
}

Result<int> AudioReader::next(AVPacket& packet) {
  while (av_read_frame(input_.get(), &packet) >= 0) {
    for (int ordinal = 0; ordinal < stream_count(); ++ordinal) {
      Stream& stream = streams_[ordinal];
      if (stream.index != packet.stream_index || packet.size == 0) continue;
      // Opening has read some packets of all streams ahead.
      if (only_ >= 0 && only_ != ordinal) continue;
      if (packet.dts == AV_NOPTS_VALUE) packet.dts = packet.pts;
      if (packet.dts == AV_NOPTS_VALUE) packet.dts = stream.next_dts;
      if (packet.pts == AV_NOPTS_VALUE) packet.pts = packet.dts;
      stream.next_dts = packet.dts + packet.duration;
      return ordinal;
    }
    av_packet_unref(&packet);  // unwanted, empty, or of a stream that appeared only now
  }
  return -1;
}

}  // namespace posefleet::av

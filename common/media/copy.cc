#include "common/media/copy.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "common/base/check.h"
#include "common/files/files.h"
#include "common/media/audio_reader.h"
#include "common/media/av.h"
#include "common/media/input.h"
#include "common/media/output_file.h"
#include "common/media/parameter_sets.h"
#include "common/media/temporary_file.h"

namespace posefleet {
namespace {

// The video packets of a file in decode order, one ahead.
class SourcePackets final {
 public:
  SourcePackets(av::InputContext input, int stream_index)
      : input_(std::move(input)), stream_index_(stream_index), packet_(av::make_packet()) {
    av::keep_only_stream(*input_, stream_index_);
  }

  // Null after the last one.
  AVPacket* peek() {
    while (!is_loaded_ && !is_over_) {
      if (av_read_frame(input_.get(), packet_.get()) < 0) {
        is_over_ = true;
      } else if (packet_->stream_index == stream_index_ && packet_->size > 0) {
        is_loaded_ = true;
      } else {
        av_packet_unref(packet_.get());
      }
    }
    return is_over_ ? nullptr : packet_.get();
  }
  void pop() {
    av_packet_unref(packet_.get());
    is_loaded_ = false;
  }
  const AVStream& stream() const { return *input_->streams[stream_index_]; }

 private:
  av::InputContext input_;
  const int stream_index_;
  av::Packet packet_;
  bool is_loaded_ = false;
  bool is_over_ = false;
};

Result<av::PictureFormat> format_of(const AVStream& stream) {
  av::PictureFormat format;
  format.parameters.reset(avcodec_parameters_alloc());
  POSEFLEET_CHECK(avcodec_parameters_copy(format.parameters.get(), stream.codecpar) >= 0);
  format.parameters->codec_tag = 0;  // the source container's name for the codec; ours may differ
  return format;
}

class Copier final {
 public:
  Copier(SourcePackets& pictures, av::OutputFile& file) : pictures_(pictures), file_(file) {}

  // All packets up to the given decode time; all that are left when `time` is AV_NOPTS_VALUE.
  Status write_until(std::int64_t time, AVRational time_base) {
    while (AVPacket* packet = pictures_.peek()) {
      if (packet->pts == AV_NOPTS_VALUE || packet->dts == AV_NOPTS_VALUE) {
        return rejected("the source has packets without times");
      }
      const AVRational own = pictures_.stream().time_base;
      if (time != AV_NOPTS_VALUE && av_compare_ts(packet->dts, own, time, time_base) > 0) {
        return done();
      }
      times_.push_back(packet->pts);
      packet->stream_index = file_.video_stream();
      POSEFLEET_TRY_DO(file_.write(*packet, own));
      pictures_.pop();
    }
    return done();
  }

  Status check(const FrameTable& table) {
    std::sort(times_.begin(), times_.end());
    if (times_ == table.pts) return done();
    return rejected(
        fmt::format("the source stores {} pictures but shows {}", times_.size(), table.pts.size()));
  }

 private:
  SourcePackets& pictures_;
  av::OutputFile& file_;
  std::vector<std::int64_t> times_;
};

}  // namespace

Result<StitchReport> copy_video(const std::filesystem::path& source, const FrameTable& table,
                                const std::filesystem::path& out) {
  POSEFLEET_TRY(av::InputContext input, av::open_input(source));
  if (table.stream_index < 0 || table.stream_index >= static_cast<int>(input->nb_streams)) {
    return rejected(fmt::format("{} has no stream {}; it was replaced meanwhile", source.string(),
                                table.stream_index));
  }
  SourcePackets pictures(std::move(input), table.stream_index);
  POSEFLEET_TRY(const av::PictureFormat format, format_of(pictures.stream()));
  POSEFLEET_TRY(const auto sound, av::AudioReader::open(source, -1));
  POSEFLEET_TRY(const auto side, av::SideStreams::open(source, table));
  const av::TemporaryFile temporary(out);
  POSEFLEET_TRY(const auto file,
                av::OutputFile::create(temporary.path(), out, {table, format, *sound, side.get()}));
  StitchReport report;
  report.frames = table.frame_count();
  report.audio_streams = static_cast<std::uint32_t>(sound->stream_count());
  report.warnings = file->warnings();
  Copier copier(pictures, *file);
  const av::Packet packet = av::make_packet();
  for (;;) {
    POSEFLEET_TRY(const int stream, sound->next(*packet));
    if (stream < 0) break;
    const AVRational time_base = sound->stream(stream).time_base;
    POSEFLEET_TRY_DO(copier.write_until(packet->dts, time_base));
    POSEFLEET_TRY_DO(file->write_side(packet->dts, time_base));
    packet->stream_index = file->audio_stream(stream);
    POSEFLEET_TRY_DO(file->write(*packet, time_base));
    av_packet_unref(packet.get());
    ++report.audio_packets;
  }
  POSEFLEET_TRY_DO(copier.write_until(AV_NOPTS_VALUE, {1, 1}));
  POSEFLEET_TRY_DO(file->write_side(AV_NOPTS_VALUE, {1, 1}));
  POSEFLEET_TRY_DO(copier.check(table));
  POSEFLEET_TRY_DO(file->finish());
  std::error_code unknown;
  report.bytes = std::filesystem::file_size(temporary.path(), unknown);
  if (unknown) return internal_error(fmt::format("{} vanished", temporary.path().string()));
  POSEFLEET_TRY_DO(publish_file(temporary.path(), out));
  return report;
}

}  // namespace posefleet

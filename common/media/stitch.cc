#include "common/media/stitch.h"

#include <utility>

#include <fmt/format.h>

#include "common/files/files.h"
#include "common/media/audio_reader.h"
#include "common/media/av.h"
#include "common/media/output_file.h"
#include "common/media/parameter_sets.h"
#include "common/media/segment_checker.h"
#include "common/media/temporary_file.h"
#include "common/media/video_packets.h"

namespace posefleet {
namespace {

// Gives out the segments' packets one after the other, one segment in memory, and checks on the way
// that together they are exactly the table's frames.
class SegmentQueue final {
 public:
  SegmentQueue(const FrameTable& table, const SegmentSource& source, std::size_t count)
      : checker_(table), source_(source), count_(count) {}

  // Null after the last one.
  Result<const EncodedPacket*> peek() {
    while (position_ == segment_.packets.size()) {
      if (checker_.segments() == count_) {
        POSEFLEET_TRY_DO(checker_.finish());
        return static_cast<const EncodedPacket*>(nullptr);
      }
      POSEFLEET_TRY_DO(load());
    }
    return &segment_.packets[position_];
  }
  void pop() { ++position_; }

  // Valid after the first peek that succeeded.
  const EncodedSegment& current() const { return segment_; }

 private:
  Status load() {
    const std::size_t index = checker_.segments();
    auto loaded = source_(index);
    if (!loaded) return in_context(fmt::format("segment {}", index), loaded.error());
    POSEFLEET_TRY_DO(checker_.accept(*loaded));
    segment_ = std::move(loaded).value();
    position_ = 0;
    return done();
  }

  av::SegmentChecker checker_;
  const SegmentSource& source_;
  const std::size_t count_;
  std::size_t position_ = 0;
  EncodedSegment segment_;
};

// Writes the video packets whose decode time has come.
class VideoWriter final {
 public:
  VideoWriter(const FrameTable& table, SegmentQueue& queue, av::OutputFile& file,
              std::size_t reorder_depth)
      : packets_(table, reorder_depth), queue_(queue), file_(file) {}

  // All packets up to the given moment; all that are left when `time` is AV_NOPTS_VALUE.
  Status write_until(std::int64_t time, AVRational time_base) {
    for (;;) {
      POSEFLEET_TRY(const EncodedPacket* const next, queue_.peek());
      if (next == nullptr) return done();
      const std::int64_t dts = packets_.next_dts();
      if (time != AV_NOPTS_VALUE && av_compare_ts(dts, packets_.time_base(), time, time_base) > 0) {
        return done();
      }
      POSEFLEET_TRY(const av::Packet packet, packets_.make(*next));
      packet->stream_index = file_.video_stream();
      // A video without sound has its subtitles between the pictures.
      POSEFLEET_TRY_DO(file_.write_side(dts, packets_.time_base()));
      POSEFLEET_TRY_DO(file_.write(*packet, packets_.time_base()));
      queue_.pop();
    }
  }

  std::uint32_t written() const { return static_cast<std::uint32_t>(packets_.made()); }

 private:
  av::VideoPackets packets_;
  SegmentQueue& queue_;
  av::OutputFile& file_;
};

Status write_sound_and_pictures(av::AudioReader& sound, VideoWriter& pictures, av::OutputFile& file,
                                StitchReport& report) {
  const av::Packet packet = av::make_packet();
  for (;;) {
    POSEFLEET_TRY(const int stream, sound.next(*packet));
    if (stream < 0) break;
    const AVRational time_base = sound.stream(stream).time_base;
    POSEFLEET_TRY_DO(pictures.write_until(packet->dts, time_base));
    POSEFLEET_TRY_DO(file.write_side(packet->dts, time_base));
    packet->stream_index = file.audio_stream(stream);
    POSEFLEET_TRY_DO(file.write(*packet, time_base));
    av_packet_unref(packet.get());
    ++report.audio_packets;
  }
  if (sound.left_out() > 0) {
    report.warnings.push_back(fmt::format(
        "{} sound packets of the source are damaged and were left out", sound.left_out()));
  }
  POSEFLEET_TRY_DO(pictures.write_until(AV_NOPTS_VALUE, {1, 1}));
  return file.write_side(AV_NOPTS_VALUE, {1, 1});
}

}  // namespace

Status check_sound_fits(const std::filesystem::path& source, const std::filesystem::path& out) {
  POSEFLEET_TRY(const auto sound, av::AudioReader::open(source, -1));
  return av::check_sound_fits(*sound, out);
}

Result<StitchReport> stitch(const std::filesystem::path& source, const FrameTable& table,
                            const SegmentSource& segment, std::size_t segment_count,
                            const std::filesystem::path& out, StitchWhat what) {
  if (table.pts.empty() || segment_count == 0) {
    return rejected(fmt::format("{}: there are no frames to join", out.string()));
  }
  SegmentQueue queue(table, segment, segment_count);
  POSEFLEET_TRY(const EncodedPacket* const first, queue.peek());
  POSEFLEET_TRY(const av::PictureFormat format, av::read_picture_format(queue.current(), *first));
  POSEFLEET_TRY(const auto sound,
                av::AudioReader::open(source, -1, av::AudioReader::cut_of(table)));

  POSEFLEET_TRY(const auto side, av::SideStreams::open(source, table));
  const bool is_everything = what == StitchWhat::Everything;
  if (!is_everything) sound->leave_all_out();

  const av::TemporaryFile temporary(out);
  StitchReport report;
  report.audio_streams = static_cast<std::uint32_t>(sound->stream_count());
  POSEFLEET_TRY(const auto file, av::OutputFile::create(temporary.path(), out,
                                                        {table, format, *sound,
                                                         is_everything ? side.get() : nullptr}));
  if (is_everything) report.warnings = sound->notes();
  report.warnings.insert(report.warnings.end(), file->warnings().begin(), file->warnings().end());
  VideoWriter pictures(table, queue, *file, format.reorder_depth);
  POSEFLEET_TRY_DO(write_sound_and_pictures(*sound, pictures, *file, report));
  POSEFLEET_TRY_DO(file->finish());
  report.frames = pictures.written();
  std::error_code unknown;
  report.bytes = std::filesystem::file_size(temporary.path(), unknown);
  if (unknown) return internal_error(fmt::format("{} vanished", temporary.path().string()));
  POSEFLEET_TRY_DO(publish_file(temporary.path(), out));
  return report;
}

}  // namespace posefleet

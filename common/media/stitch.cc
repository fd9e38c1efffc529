#include "common/media/stitch.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "common/base/check.h"
#include "common/files/files.h"
#include "common/media/audio_reader.h"
#include "common/media/av.h"
#include "common/media/output_file.h"
#include "common/media/parameter_sets.h"
#include "common/media/temporary_file.h"
#include "common/media/timeline.h"

namespace posefleet {
namespace {

// Gives out the segments' packets one after the other, one segment in memory, and checks on the way
// that together they are exactly the table's frames.
class SegmentQueue final {
 public:
  SegmentQueue(const FrameTable& table, const SegmentSource& source, std::size_t count)
      : table_(table), source_(source), count_(count) {}

  // Null after the last one.
  Result<const EncodedPacket*> peek() {
    while (position_ == segment_.packets.size()) {
      if (next_segment_ == count_) {
        if (frames_ != table_.pts.size()) {
          return rejected(fmt::format("the {} segments hold {} frames, the video has {}", count_,
                                      frames_, table_.pts.size()));
        }
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
    const std::size_t index = next_segment_++;
    auto loaded = source_(index);
    if (!loaded) return in_context(fmt::format("segment {}", index), loaded.error());
    EncodedSegment segment = std::move(loaded).value();
    POSEFLEET_TRY_DO(check(index, segment));
    if (index == 0) parameter_sets_ = av::parameter_sets_of(segment.extradata);
    frames_ += segment.packets.size();
    segment_ = std::move(segment);
    position_ = 0;
    return done();
  }

  Status check(std::size_t index, const EncodedSegment& segment) const {
    if (segment.codec != "h264") {
      return rejected(fmt::format("segment {} is in codec '{}', not h264", index, segment.codec));
    }
    if (segment.packets.empty() || !segment.packets.front().is_key) {
      return rejected(fmt::format("segment {} does not start with a key frame", index));
    }
    if (index > 0 && (segment.width != segment_.width || segment.height != segment_.height ||
                      av::parameter_sets_of(segment.extradata) != parameter_sets_)) {
      return rejected(fmt::format(
          "segment {} was encoded with other parameters than segment 0; encode both alike", index));
    }
    return check_times(index, segment);
  }

  Status check_times(std::size_t index, const EncodedSegment& segment) const {
    if (segment.packets.size() > table_.pts.size() - frames_) {
      return rejected(fmt::format("segment {} holds {} frames, but the video has only {} left",
                                  index, segment.packets.size(), table_.pts.size() - frames_));
    }
    std::vector<std::int64_t> times;
    times.reserve(segment.packets.size());
    for (const EncodedPacket& packet : segment.packets) times.push_back(packet.pts);
    std::sort(times.begin(), times.end());
    for (std::size_t i = 0; i < times.size(); ++i) {
      if (times[i] == table_.pts[frames_ + i]) continue;
      return rejected(fmt::format("segment {} has a frame at tick {} where {} should be", index,
                                  times[i], av::frame_name(table_, frames_ + i)));
    }
    if (segment.packets.front().pts != times.front()) {
      return rejected(fmt::format("segment {} does not start with its first frame", index));
    }
    return done();
  }

  const FrameTable& table_;
  const SegmentSource& source_;
  const std::size_t count_;
  std::size_t next_segment_ = 0;
  std::size_t frames_ = 0;  // in the segments loaded so far
  std::size_t position_ = 0;
  EncodedSegment segment_;
  std::string parameter_sets_;  // of segment 0
};

// Writes the video packets whose decode time has come.
class VideoWriter final {
 public:
  VideoWriter(const FrameTable& table, SegmentQueue& queue, av::OutputFile& file,
              std::size_t reorder_depth)
      : timeline_(table.pts, reorder_depth),
        time_base_(av::to_av(table.time_base)),
        queue_(queue),
        file_(file) {}

  // All packets up to the given moment; all that are left when `time` is AV_NOPTS_VALUE.
  Status write_until(std::int64_t time, AVRational time_base) {
    for (;;) {
      POSEFLEET_TRY(const EncodedPacket* const packet, queue_.peek());
      if (packet == nullptr) return done();
      const std::int64_t dts = timeline_.dts(written_);
      if (time != AV_NOPTS_VALUE && av_compare_ts(dts, time_base_, time, time_base) > 0) {
        return done();
      }
      if (dts > packet->pts) {
        return rejected(
            fmt::format("the frame at tick {} is stored later than the stream's own "
                        "reordering depth allows",
                        packet->pts));
      }
      POSEFLEET_TRY_DO(write(*packet, dts));
      queue_.pop();
      ++written_;
    }
  }

  std::uint32_t written() const { return static_cast<std::uint32_t>(written_); }

 private:
  Status write(const EncodedPacket& from, std::int64_t dts) {
    const av::Packet packet = av::make_packet();
    POSEFLEET_CHECK(av_new_packet(packet.get(), static_cast<int>(from.bytes.size())) >= 0);
    std::memcpy(packet->data, from.bytes.data(), from.bytes.size());
    packet->pts = from.pts;
    packet->dts = dts;
    packet->duration = timeline_.duration_at(from.pts);
    packet->stream_index = file_.video_stream();
    if (from.is_key) packet->flags |= AV_PKT_FLAG_KEY;
    return file_.write(*packet, time_base_);
  }

  av::Timeline timeline_;
  const AVRational time_base_;
  SegmentQueue& queue_;
  av::OutputFile& file_;
  std::size_t written_ = 0;
};

Status write_sound_and_pictures(av::AudioReader& sound, VideoWriter& pictures, av::OutputFile& file,
                                StitchReport& report) {
  const av::Packet packet = av::make_packet();
  for (;;) {
    POSEFLEET_TRY(const int stream, sound.next(*packet));
    if (stream < 0) break;
    const AVRational time_base = sound.stream(stream).time_base;
    POSEFLEET_TRY_DO(pictures.write_until(packet->dts, time_base));
    packet->stream_index = file.audio_stream(stream);
    POSEFLEET_TRY_DO(file.write(*packet, time_base));
    av_packet_unref(packet.get());
    ++report.audio_packets;
  }
  if (sound.left_out() > 0) {
    report.warnings.push_back(fmt::format(
        "{} sound packets of the source are damaged and were left out", sound.left_out()));
  }
  return pictures.write_until(AV_NOPTS_VALUE, {1, 1});
}

}  // namespace

Result<StitchReport> stitch(const std::filesystem::path& source, const FrameTable& table,
                            const SegmentSource& segment, std::size_t segment_count,
                            const std::filesystem::path& out) {
  if (table.pts.empty() || segment_count == 0) {
    return rejected(fmt::format("{}: there are no frames to join", out.string()));
  }
  SegmentQueue queue(table, segment, segment_count);
  POSEFLEET_TRY(const EncodedPacket* const first, queue.peek());
  POSEFLEET_TRY(const av::PictureFormat format, av::read_picture_format(queue.current(), *first));
  POSEFLEET_TRY(const auto sound,
                av::AudioReader::open(source, -1, av::AudioReader::cut_of(table)));

  const av::TemporaryFile temporary(out);
  StitchReport report;
  report.audio_streams = static_cast<std::uint32_t>(sound->stream_count());
  POSEFLEET_TRY(const auto file,
                av::OutputFile::create(temporary.path(), out, table, format, *sound));
  report.warnings = sound->notes();
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

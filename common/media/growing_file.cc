#include "common/media/growing_file.h"

#include <utility>

#include <fmt/format.h>

#include "common/media/audio_reader.h"
#include "common/media/av.h"
#include "common/media/output_file.h"
#include "common/media/parameter_sets.h"
#include "common/media/segment_checker.h"
#include "common/media/video_packets.h"

namespace posefleet {

class GrowingFile::State final {
 public:
  State(std::filesystem::path source, FrameTable table, std::filesystem::path out)
      : source_(std::move(source)),
        table_(std::move(table)),
        out_(std::move(out)),
        checker_(table_),
        sound_packet_(av::make_packet()) {}

  Status append(const EncodedSegment& segment) {
    POSEFLEET_TRY_DO(checker_.accept(segment));
    if (file_ == nullptr) {
      POSEFLEET_TRY_DO(open(segment));
    }
    for (const EncodedPacket& picture : segment.packets) {
      POSEFLEET_TRY_DO(write_sound_until(packets_->next_dts()));
      POSEFLEET_TRY(const av::Packet packet, packets_->make(picture));
      packet->stream_index = file_->video_stream();
      POSEFLEET_TRY_DO(file_->write(*packet, packets_->time_base()));
    }
    const bool is_last = checker_.frames() == table_.pts.size();
    if (is_last) {
      POSEFLEET_TRY_DO(write_sound_until(AV_NOPTS_VALUE));
    }
    POSEFLEET_TRY_DO(file_->flush());
    frames_ = static_cast<std::uint32_t>(checker_.frames());
    return is_last ? file_->finish() : done();
  }

  std::uint32_t frames() const { return frames_; }

 private:
  Status open(const EncodedSegment& first) {
    POSEFLEET_TRY(format_, av::read_picture_format(first, first.packets.front()));
    POSEFLEET_TRY(sound_, av::AudioReader::open(source_, -1, av::AudioReader::cut_of(table_)));
    POSEFLEET_TRY(
        file_, av::OutputFile::create(out_, out_, {table_, format_, *sound_}, av::Layout::Growing));
    packets_ = std::make_unique<av::VideoPackets>(table_, format_.reorder_depth);
    return done();
  }

  // Sound packets up to a moment of the video; all that are left when it is AV_NOPTS_VALUE.
  Status write_sound_until(std::int64_t dts) {
    for (;;) {
      if (sound_stream_ == kNotRead) {
        POSEFLEET_TRY(sound_stream_, sound_->next(*sound_packet_));
      }
      if (sound_stream_ < 0) return done();  // the sound is over
      const AVRational time_base = sound_->stream(sound_stream_).time_base;
      if (dts != AV_NOPTS_VALUE &&
          av_compare_ts(sound_packet_->dts, time_base, dts, packets_->time_base()) > 0) {
        return done();
      }
      sound_packet_->stream_index = file_->audio_stream(sound_stream_);
      POSEFLEET_TRY_DO(file_->write(*sound_packet_, time_base));
      av_packet_unref(sound_packet_.get());
      sound_stream_ = kNotRead;
    }
  }

  static constexpr int kNotRead = -2;

  const std::filesystem::path source_;
  const FrameTable table_;
  const std::filesystem::path out_;
  av::SegmentChecker checker_;
  av::PictureFormat format_;
  std::unique_ptr<av::AudioReader> sound_;
  std::unique_ptr<av::OutputFile> file_;  // null before the first segment; refers to the above
  std::unique_ptr<av::VideoPackets> packets_;
  av::Packet sound_packet_;      // read ahead
  int sound_stream_ = kNotRead;  // of sound_packet_; -1: there is no more
  std::uint32_t frames_ = 0;
};

GrowingFile::GrowingFile(std::filesystem::path source, FrameTable table, std::filesystem::path out)
    : state_(std::make_unique<State>(std::move(source), std::move(table), std::move(out))) {}
GrowingFile::~GrowingFile() = default;

Status GrowingFile::append(const EncodedSegment& segment) {
  return state_->append(segment);
}

std::uint32_t GrowingFile::frames() const {
  return state_->frames();
}

}  // namespace posefleet

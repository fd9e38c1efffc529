// Private to common/media: the sound of a file, packet by packet, undecoded.
//
// The writer and the check of an output read the sound through this, so both mean the same by "all
// of it": every packet that a container can hold. What damage left without a usable time or header
// is passed over and counted; it must not cost a finished video.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/media/av.h"

namespace posefleet::av {

// One owner, one thread. Made by `open` only.
class AudioReader final {
 public:
  // Where the table is that of a selection with a span, packets outside it are passed over, and the
  // times of the others are moved as the pictures' are (FrameTable::span). By packets: sound is not
  // cut between two samples.
  struct Cut {
    std::optional<PresentationSpan> span;
    Rational time_base;
  };
  static Cut cut_of(const FrameTable& table) { return {table.span, table.time_base}; }

  // `only`: the one stream to read, by its ordinal; negative: all.
  static Result<std::unique_ptr<AudioReader>> open(const std::filesystem::path& path, int only,
                                                   const Cut& cut = {});

  // From now on the file has no sound.
  void leave_all_out() { streams_.clear(); }

  // Streams have ordinals in the file's order. One without packets, or whose codec is unknown, is
  // none; `notes` says so in whole sentences.
  int stream_count() const { return static_cast<int>(streams_.size()); }
  AVStream& stream(int ordinal) const { return *input_->streams[streams_[ordinal].index]; }
  const std::vector<std::string>& notes() const { return notes_; }

  // Fills `packet` and returns its stream's ordinal; -1 at the end. Both times are always set: what
  // the container left out follows from the packet before. Where the file breaks off, the sound
  // ends, as the probe reported.
  Result<int> next(AVPacket& packet);

  // Packets passed over so far.
  std::uint64_t left_out() const { return left_out_; }

  // Of the whole file, for what belongs to its other streams.
  AVFormatContext& context() const { return *input_; }

 private:
  struct Stream {
    int index;                               // in the file
    std::int64_t last_dts = AV_NOPTS_VALUE;  // of the packet given out last
    std::int64_t next_dts = 0;               // where a packet without a time goes
  };
  static std::vector<Stream> find_streams(AVFormatContext& context, const std::string& name,
                                          const Cut& cut, std::vector<std::string>& notes);
  static bool is_inside(const AVPacket& packet, const AVStream& stream, const Cut& cut);
  bool accept(Stream& stream, AVPacket& packet) const;

  InputContext input_;
  std::vector<Stream> streams_;
  int only_ = -1;
  Cut cut_;
  std::uint64_t left_out_ = 0;
  std::vector<std::string> notes_;
};

// In MPEG-TS each AAC packet starts with an ADTS header that repeats the stream's parameters; MP4
// and Matroska keep these once, so the header is dropped on the way. Its size; 0 when there is
// none.
std::size_t adts_header_size(const AVPacket& packet, const AVCodecParameters& parameters);

}  // namespace posefleet::av

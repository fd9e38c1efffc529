// Private to common/media: the sound of a file, packet by packet, undecoded.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "common/base/result.h"
#include "common/media/av.h"

namespace posefleet::av {

// One owner, one thread. Made by `open` only.
class AudioReader final {
 public:
  // `only`: the one audio stream to read, counted among the file's audio streams; negative: all.
  static Result<std::unique_ptr<AudioReader>> open(const std::filesystem::path& path, int only);

  int stream_count() const { return static_cast<int>(streams_.size()); }
  AVStream& stream(int ordinal) const { return *input_->streams[streams_[ordinal].index]; }

  // Fills `packet` and returns its stream's ordinal; -1 at the end. Both times are always set: what
  // the container left out follows from the packet before. Where the file breaks off, the sound
  // ends, as the probe reported.
  Result<int> next(AVPacket& packet);

  // Of the whole file, for what belongs to its other streams.
  AVFormatContext& context() const { return *input_; }

 private:
  struct Stream {
    int index;                  // in the file
    std::int64_t next_dts = 0;  // where a packet without a time goes
  };
  InputContext input_;
  std::vector<Stream> streams_;
  int only_ = -1;
};

}  // namespace posefleet::av

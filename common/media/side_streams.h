// Private to common/media: what a source holds beside pictures and sound: subtitles, chapters,
// titles and the like, fonts and cover pictures. All of it is copied as far as the output's
// container has a place for it; what has none is named in a warning, with the container that has.
//
// None of it may cost a finished video, so nothing here fails but the writing itself.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/media/av.h"

namespace posefleet::av {

// One owner, one thread: open, declare before the output's header is written, then write.
class SideStreams final {
 public:
  // Reads the source a second time, beside the sound's reader. Of the piece that the table is about
  // (FrameTable::span), with the times that it has in the output.
  static Result<std::unique_ptr<SideStreams>> open(const std::filesystem::path& source,
                                                   const FrameTable& table);

  // Adds streams, chapters and metadata to `out`, whose video stream is number 0; appends to
  // `warnings` what stays behind. `name` is the output's.
  void declare(AVFormatContext& out, const std::string& name, std::vector<std::string>& warnings);

  // Writes cover pictures; once, right after the header.
  Status write_covers(AVFormatContext& out);
  // Writes subtitles up to the given moment; all that are left when `time` is AV_NOPTS_VALUE.
  Status write_until(AVFormatContext& out, std::int64_t time, AVRational time_base);

 private:
  struct Stream {
    int from = 0;  // index in the source
    int to = 0;    // index in the output
    std::int64_t last_dts = AV_NOPTS_VALUE;
  };
  void copy_chapters(AVFormatContext& out) const;
  bool declare_stream(AVFormatContext& out, const AVStream& from);
  Stream* find(int index);
  AVPacket* peek();

  std::string source_name_;
  std::optional<PresentationSpan> span_;
  AVRational span_base_{1, 1};
  InputContext input_;
  std::vector<Stream> subtitles_;
  std::vector<Stream> covers_;
  Packet packet_;
  bool is_loaded_ = false;
  bool is_over_ = false;
};

// Of a stream or a file: what a person wrote, not what belongs to the container it came in.
void copy_metadata(const AVDictionary* from, AVDictionary** to);

}  // namespace posefleet::av

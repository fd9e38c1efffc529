// Private to common/media: the container that a stitched video is written to.
//
// Set up so that a reader gets back the very times that were put in: no shifting to zero, edit
// lists in a unit fine enough for every track, and no dates, versions or random numbers in the
// file.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/media/audio_reader.h"
#include "common/media/av.h"
#include "common/media/parameter_sets.h"

namespace posefleet::av {

// One owner, one thread: create, write every packet in the order of decode times, finish. An object
// that goes without `finish` leaves an unfinished file, which its caller removes.
class OutputFile final {
 public:
  // Writes to `path`; the format follows the extension of `final_name`. Makes the video stream and
  // one stream for each of the sound's.
  static Result<std::unique_ptr<OutputFile>> create(const std::filesystem::path& path,
                                                    const std::filesystem::path& final_name,
                                                    const FrameTable& table,
                                                    const PictureFormat& format,
                                                    const AudioReader& sound);
  ~OutputFile();

  int video_stream() const { return 0; }
  int audio_stream(int ordinal) const { return ordinal + 1; }
  const std::vector<std::string>& warnings() const { return warnings_; }

  // Times in `time_base`; changes the packet's times to the file's.
  Status write(AVPacket& packet, AVRational time_base);
  Status finish();

 private:
  Status add_video(const FrameTable& table, const PictureFormat& format,
                   const AVFormatContext& source);
  Status add_audio(const AVStream& from);
  Status write_header(const FrameTable& table);
  Error failed(int status, const LogScope& log) const;

  AVFormatContext* context_ = nullptr;  // freed by the destructor, after its file is closed
  std::string name_;
  std::vector<std::string> warnings_;
};

}  // namespace posefleet::av

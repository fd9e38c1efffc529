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
#include "common/media/side_streams.h"

namespace posefleet::av {

enum class Layout {
  Whole,    // the index in front, so that players can start at once
  Growing,  // fragments that a player can follow while the file is written (.mp4 and .mov only)
};

// What goes into a file. All of it outlives the file.
struct OutputContent {
  const FrameTable& table;
  const PictureFormat& format;
  const AudioReader& sound;
  SideStreams* side = nullptr;  // null: nothing beside pictures and sound
};

// Rejected, with the remedy, when the output's container cannot hold this sound.
Status check_sound_fits(const AudioReader& sound, const std::filesystem::path& final_name);

// One owner, one thread: create, write every packet in the order of decode times, finish. An object
// that goes without `finish` leaves an unfinished file, which its caller removes.
class OutputFile final {
 public:
  // Writes to `path`; the format follows the extension of `final_name`. Makes the video stream, one
  // stream for each of the sound's, and what else is there.
  static Result<std::unique_ptr<OutputFile>> create(const std::filesystem::path& path,
                                                    const std::filesystem::path& final_name,
                                                    const OutputContent& content,
                                                    Layout layout = Layout::Whole);
  ~OutputFile();

  int video_stream() const { return 0; }
  int audio_stream(int ordinal) const { return ordinal + 1; }
  const std::vector<std::string>& warnings() const { return warnings_; }

  // Times in `time_base`; changes the packet's times to the file's.
  Status write(AVPacket& packet, AVRational time_base);
  // Subtitles up to a moment; all that are left when `time` is AV_NOPTS_VALUE.
  Status write_side(std::int64_t time, AVRational time_base);
  // Ends the fragment: what was written so far can be seen by whoever reads the file.
  Status flush();
  Status finish();

 private:
  Status add_video(const FrameTable& table, const PictureFormat& format,
                   const AVFormatContext& source);
  Status add_audio(const AVStream& from);
  Status write_header(const FrameTable& table, Layout layout);
  Error failed(int status, const LogScope& log) const;

  SideStreams* side_ = nullptr;
  AVFormatContext* context_ = nullptr;  // freed by the destructor, after its file is closed
  std::string name_;
  std::vector<std::string> warnings_;
};

}  // namespace posefleet::av

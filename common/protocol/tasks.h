// The work inside a Grant, and the results that come back: what the edges of both sides read. The
// cores pass these on as bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/protocol/detector_settings.h"
#include "common/protocol/draw_settings.h"
#include "common/protocol/ids.h"
#include "common/protocol/poses.h"
#include "common/protocol/video.h"

namespace posefleet {

// Where the frames of a task lie. The table is a window: the task's own frames, the next one (the
// upper bound of decoding) and the key packets that may be needed, so that a grant stays small for
// a video of any length. Only a file whose frames must be found by their order from the start
// (FrameTable::needs_sequential_decode) sends its whole table.
struct TaskFrames {
  SourceFile source;
  // How a worker tells that a file of that path on its own machine is this source (fingerprint_of
  // in common/files/open_file.h), and by which name it keeps its bytes. Empty from a coordinator
  // that did not send them: then the file must have the size and time of `source`.
  std::string fingerprint;
  std::string sha256;
  // Where the coordinator serves it; empty: it does not. Whoever has it can read the source.
  std::string url;
  bool is_image = false;  // a single picture, not a video
  FrameTable window;
  std::uint32_t first_frame = 0;  // of the source
  std::uint32_t frame_count = 0;

  // The task's frames as indices into `window`.
  FrameRange in_window() const {
    const std::uint32_t first = window.needs_sequential_decode ? first_frame : 0;
    return {first, first + frame_count};
  }
  bool operator==(const TaskFrames&) const = default;
};

// Where the people are.
enum class BoxSource : std::uint8_t {
  WholeFrame = 0,  // one person, the frame is the box
  Given = 1,       // `boxes` of the task; a frame without boxes has nobody in it
  // What the model's detector finds; where it cannot be loaded, the whole frame, and a warning.
  Detect = 2,
};

struct FrameBoxes {
  std::uint32_t frame = 0;  // index into the source's frame table
  std::vector<PersonBox> boxes;
  bool operator==(const FrameBoxes&) const = default;
};

struct PoseTask {
  TaskFrames frames;
  std::string model_hash;  // with the precision: a network_id (precision.h)
  std::uint32_t batch_size = 8;
  BoxSource box_source = BoxSource::WholeFrame;
  std::vector<FrameBoxes> boxes;
  DetectorSettings detector;  // for BoxSource::Detect
  bool operator==(const PoseTask&) const = default;
};

struct RenderTask {
  TaskFrames frames;
  std::string model_hash;  // whose body the parameters belong to
  EncodeSettings encode;
  RangePoses poses;  // of exactly these frames
  DrawSettings draw;
  RangePoses before;  // of the frames before them, as many as trail_frames(draw) and the film has
  std::int64_t film_pts = 0;  // of the film's first frame, ticks; times in pictures count from it
  std::uint32_t film_frames = 0;
  bool operator==(const RenderTask&) const = default;
};

}  // namespace posefleet

// What a client asks for, as JSON text, checked strictly: an unknown field or a wrong value is an
// error that names it. The text itself is stored; this is its meaning.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/job/frame_selection.h"
#include "common/protocol/draw_settings.h"
#include "common/protocol/precision.h"
#include "common/protocol/tasks.h"

namespace posefleet {

enum class Pipeline : std::uint8_t {
  Mesh,  // video in, the same video with bodies drawn on it out
  Pose,  // parameters only; the source may be a picture
};

// What becomes of a job one of whose frames no worker can compute.
enum class OnQuarantine : std::uint8_t {
  Keep,  // the frame keeps its original picture and has no pose; a warning names it
  Fail,
};

struct JobSpec {
  Pipeline pipeline = Pipeline::Mesh;
  std::string source_path;  // absolute
  bool is_image = false;
  // Frames of a job are counted within it: boxes, ranges and poses name the frames selected.
  FrameSelection frames;
  std::string model_hash;
  Precision precision = Precision::Float32;  // of the network; one for the whole job
  std::uint32_t batch_size = 8;
  // Frames of a pose range; 0: the plan decides.
  std::uint32_t range_frames = 0;
  BoxSource box_source = BoxSource::WholeFrame;
  std::vector<FrameBoxes> boxes;  // rising frame numbers
  DetectorSettings detector;      // for BoxSource::Detect
  DrawSettings draw;
  EncodeSettings encode;
  // One that the codec goes into (check_container); png: a folder with a picture for each frame.
  std::string container = "mp4";
  // The output can be watched while the job runs, as live.mp4 in its folder.
  bool live = false;
  // 1 to 99 share the workers in that proportion; 100 goes first, 0 takes what the others leave.
  std::uint32_t priority = 10;
  std::uint32_t workers_max = 0;  // of each stage at the same time; 0: as many as there are
  OnQuarantine on_quarantine = OnQuarantine::Keep;
  // Poses steadied over time (common/people/steady.h). Absent: if a detector finds the people; who
  // gives boxes gets what the network says of them.
  std::optional<bool> steady;

  bool operator==(const JobSpec&) const = default;
};

// What a pose worker must serve to take this job's ranges.
inline std::string network_id(const JobSpec& spec) {
  return network_id(spec.model_hash, spec.precision);
}

inline bool is_steadied(const JobSpec& spec) {
  return !spec.is_image && spec.steady.value_or(spec.box_source == BoxSource::Detect);
}

std::string to_json(const JobSpec& spec);
Result<JobSpec> parse_job_spec(std::string_view json);

}  // namespace posefleet

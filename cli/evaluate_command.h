// `posefleet evaluate`: how right the poses of a video are whose truth is known.
#pragma once

#include <cstdint>
#include <string>

#include "common/protocol/detector_settings.h"

namespace posefleet::cli {

struct EvaluateOptions {
  std::string video;
  std::string truth;       // file (common/accuracy/truth.h)
  std::string truth_body;  // body.safetensors; empty: the model's own
  std::string boxes;       // "truth", a file, or empty: the model's detector or the whole frame
  std::string model;       // empty: the demo model
  int pose_workers = 0;    // 0: by the machine
  int models_per_worker = 1;
  std::string device = "auto";
  std::string precision = "auto";
  std::string steady = "auto";
  std::uint32_t batch_size = 8;
  std::uint32_t range_frames = 0;
  DetectorSettings detector;
  double height_min = 80;   // pixels; lower true people are ignored
  std::string write_found;  // truth file to write; empty: none
  std::string work_dir;
  std::string progress = "auto";
  bool json = false;
};

// The exit code. The report goes to standard output, everything else to standard error.
int evaluate_video(const EvaluateOptions& options);

}  // namespace posefleet::cli

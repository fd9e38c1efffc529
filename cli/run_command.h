// `posefleet run`: videos in, the same videos with bodies drawn on them out, by a cluster of
// processes on this machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/draw_options.h"
#include "cli/output_options.h"
#include "common/protocol/detector_settings.h"

namespace posefleet::cli {

struct RunOptions {
  std::vector<std::string> videos;
  std::string output;  // one video only
  std::string output_dir;
  std::string model;     // empty: the demo model
  int pose_workers = 0;  // 0: by the machine
  int models_per_worker = 1;
  int render_workers = 0;  // 0: by the machine
  std::string device = "auto";
  std::string precision = "auto";
  std::string steady = "auto";
  std::uint32_t batch_size = 8;
  std::uint32_t range_frames = 0;
  std::string boxes;  // file; empty: the model's detector, or the whole frame is one person's box
  DetectorSettings detector;
  DrawOptions drawing;
  OutputOptions output_options;
  bool live = false;
  std::string fps, start, end;   // as typed; empty: all frames
  std::uint32_t max_frames = 0;  // 0: all
  std::string on_quarantine = "keep";
  std::string work_dir;
  std::string progress = "auto";
  bool json = false;
};

// The exit code. Results go to standard output, everything else to standard error.
int run_videos(const RunOptions& options);

}  // namespace posefleet::cli

// `posefleet pose`: one picture in, its people as JSON out, through the same processes and protocol
// as a video.
#pragma once

#include <string>

#include "common/protocol/detector_settings.h"

namespace posefleet::cli {

struct PoseOptions {
  std::string image;
  std::string model;  // empty: the demo model
  std::string device = "auto";
  std::string precision = "auto";
  bool has_boxes = false;
  std::string boxes;  // x0,y0,x1,y1;...
  DetectorSettings detector;
  std::string vertices;  // .npy file to write; empty: none
  std::string work_dir;
  bool json = true;  // there is no other form
};

int pose_image(const PoseOptions& options);

}  // namespace posefleet::cli

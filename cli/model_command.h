// `posefleet model import` and `posefleet model show`.
#pragma once

#include <string>

namespace posefleet::cli {

struct ModelImportOptions {
  std::string checkpoint;
  std::string config;
  std::string mean_params;
  std::string smpl;
  std::string joint_regressor;
  std::string detector;
  std::string out;
  bool json = false;
};

struct ModelShowOptions {
  std::string folder;
  bool json = false;
};

int import_model_folder(const ModelImportOptions& options);
int show_model_folder(const ModelShowOptions& options);

}  // namespace posefleet::cli

// `posefleet keygen`: key pairs for a coordinator and its workers.
#pragma once

#include <string>

namespace posefleet::cli {

struct KeygenOptions {
  std::string folder;
  std::string name = "worker";
  bool force = false;
  bool json = false;
};

// Makes the coordinator's pair if the folder has none, and the pair of `name`. A key that is there
// is replaced only with `force`, and only the one of `name`: a new coordinator's key shuts every
// worker out, so that it must be asked for by its name.
int make_keys(const KeygenOptions& options);

}  // namespace posefleet::cli

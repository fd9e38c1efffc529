// How `posefleet run` and `posefleet render` draw people, as typed.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"
#include "common/protocol/draw_settings.h"

namespace posefleet::cli {

struct DrawOptions {
  std::string style = "mesh";
  std::uint32_t samples = 4;
  std::uint32_t opacity = 100;
  std::string palette;  // colours, with commas between
  std::string ground;   // empty: the usual one
  std::uint32_t trail = 0;
  std::uint32_t trail_step = 3;
  std::string labels;  // names, with commas between
  bool caption = false;
};

// Rejected, naming the option and the value that is wrong.
Result<DrawSettings> draw_settings_of(const DrawOptions& options);

}  // namespace posefleet::cli

// Boxes of people that a person or another program gives.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/protocol/tasks.h"

namespace posefleet::cli {

// One box a line: `frame,x0,y0,x1,y1` or `frame,x0,y0,x1,y1,score`; frames count from 0, pixels of
// the stored picture. Empty lines and lines that begin with # are passed over. A file without boxes
// says that nobody is in the video. Errors name file, line and value.
Result<std::vector<FrameBoxes>> read_boxes_file(const std::filesystem::path& path);

// `x0,y0,x1,y1;x0,y0,x1,y1;...`, all of frame 0.
Result<std::vector<FrameBoxes>> parse_boxes(std::string_view text);

}  // namespace posefleet::cli

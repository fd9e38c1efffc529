// A job spec's `draw` object. Private to the folder.
#pragma once

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "common/protocol/draw_settings.h"

namespace posefleet {

nlohmann::json to_json(const DrawSettings& settings);

// What is left out is as in DrawSettings; unknown keys and wrong values are errors that name them.
Result<DrawSettings> draw_settings_of(const nlohmann::json& value);

}  // namespace posefleet

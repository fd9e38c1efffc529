// A job spec's `detector` object. Private to the folder.
#pragma once

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "common/protocol/detector_settings.h"

namespace posefleet {

nlohmann::json to_json(const DetectorSettings& settings);

// An empty object asks for the model's own settings; unknown keys and wrong values are errors that
// name them.
Result<DetectorSettings> detector_of(const nlohmann::json& value);

}  // namespace posefleet

// Writes what was learned as a model folder that every program of the house can run.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "common/base/result.h"
#include "common/body/body_data.h"
#include "training/hmr2/parameters.h"

namespace posefleet::training {

// hmr2.safetensors in half precision, body.safetensors, manifest.yaml. Each file is whole at any
// time; other files of the folder (a detector) stay listed. `weights` as the layout says.
Status write_model(const std::filesystem::path& folder, const ParameterLayout& layout,
                   std::span<const float> weights, const BodyData& body, const std::string& note);

}  // namespace posefleet::training

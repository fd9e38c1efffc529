// The network's half of an import: what sizes a checkpoint has, whether all its tensors are there,
// and writing them.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/model_folder/model_folder.h"
#include "common/model_folder/safetensors.h"
#include "worker/import/checkpoint.h"
#include "worker/import/model_config.h"

namespace posefleet {

// Checked against each other; what the tensors' shapes cannot tell (the numbers of heads) is taken
// from the configuration. An error names the configuration's and the checkpoint's value.
Result<NetworkSizes> sizes_of(const Checkpoint& checkpoint, const NetworkSizes& configured);

// The mean parameters by the names of the state dictionary: smpl_head.init_body_pose and so on.
using MeanParameters = std::map<std::string, std::vector<float>>;
Result<MeanParameters> read_mean_parameters(const std::filesystem::path& npz);

// Every tensor of the network is in the checkpoint with its shape (the mean parameters may instead
// come from `means`). The error lists what is missing and what differs, up to ten of them.
Status check_network(const Checkpoint& checkpoint, const std::map<std::string, Shape>& layout,
                     const MeanParameters& means);

// Float32, named as in the checkpoint.
Status write_network(const std::filesystem::path& path, Checkpoint& checkpoint,
                     const std::map<std::string, Shape>& layout, const MeanParameters& means);

}  // namespace posefleet

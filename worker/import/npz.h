// NumPy's .npz (a zip of .npy files) and .npy: the mean parameters of a model, and golden values.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "worker/import/nd_array.h"

namespace posefleet {

// One .npy file's bytes, header versions 1 to 3.
Result<NdArray> parse_npy(std::string_view bytes);

// All arrays of the file by name without ".npy"; other entries are ignored. Refuses a file
// whose arrays take more than 1 GiB together, which none of ours comes near.
Result<std::map<std::string, NdArray>> read_npz(const std::filesystem::path& path);

}  // namespace posefleet

// A TorchScript detector on its way into a model folder: looked at as the zip archive that it is,
// without LibTorch.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/model_folder/detector_manifest.h"

namespace posefleet {

// What the file's config.txt says, for the manifest; what it leaves open the worker takes from the
// output's shape, and `notes` say so. Rejects what is no TorchScript archive.
Result<DetectorManifest> describe_detector(const std::filesystem::path& path,
                                           std::vector<std::string>& notes);

// `path` to `folder`/detector.torchscript.
Status copy_detector(const std::filesystem::path& path, const std::filesystem::path& folder);

}  // namespace posefleet

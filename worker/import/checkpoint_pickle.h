// What a checkpoint's pickle says about its tensors, before any of their bytes is looked at.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "worker/import/checkpoint.h"
#include "worker/import/pickle.h"

namespace posefleet {

// By name; `entry` is the storage's key, as in `data/<key>`, without the folder. Strides and sizes
// are checked against the storage's element count as the pickle gives it.
Result<std::map<std::string, CheckpointTensor>> tensors_of(const PickleDocument& document);

}  // namespace posefleet

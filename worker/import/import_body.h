// The body's half of an import: the checkpoint's `smpl.*` tensors win over the SMPL file, as in the
// reference; faces come from the file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/body/body_data.h"
#include "worker/import/checkpoint.h"
#include "worker/import/model_config.h"

namespace posefleet {

struct ImportedBody {
  BodyData data;
  bool from_checkpoint = false;
  std::vector<std::string> notes;
};

// Where several sources have the extra vertex numbers: the checkpoint's, else the configuration's,
// else SMPL's standard ones.
Result<ImportedBody> import_body(Checkpoint& checkpoint, const ModelConfig& config,
                                 const std::filesystem::path& smpl,
                                 const std::optional<std::filesystem::path>& joint_regressor);

// True for a tensor that this import looks at.
bool is_body_tensor(const std::string& name);

}  // namespace posefleet

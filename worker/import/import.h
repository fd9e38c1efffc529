// Makes a model folder out of the files that 4D-Humans and SMPL users have, with no Python on the
// machine (`posefleet model import`).
//
// Everything is checked before anything is written, and the folder gets its name last: whoever
// sees it sees a whole one. Memory stays small: the weights go from the mapped checkpoint to the
// new file one tensor at a time.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/model_folder/model_folder.h"

namespace posefleet {

struct ImportSources {
  std::filesystem::path checkpoint;   // PyTorch checkpoint with the network's state_dict
  std::filesystem::path config;       // model_config.yaml
  std::filesystem::path mean_params;  // smpl_mean_params.npz
  std::filesystem::path smpl;         // SMPL's pickled body; its faces are always used
  // SMPL_to_J19.pkl. Needed when the checkpoint has no smpl.joint_regressor_extra.
  std::optional<std::filesystem::path> joint_regressor;
  // A TorchScript detector, copied as it is; what its config.txt says goes into the manifest.
  std::optional<std::filesystem::path> detector;
  std::string name = "hmr2";  // the model's, for people
};

struct ImportReport {
  ModelFolder folder;
  std::int64_t parameter_count = 0;  // numbers in the network
  std::int64_t vertex_count = 0;
  std::int64_t face_count = 0;
  bool body_from_checkpoint = false;  // else from the SMPL file
  // Tensors of the checkpoint that were not used: the discriminator and the like.
  std::vector<std::string> ignored;
  // For people: where sources differ and which one was taken.
  std::vector<std::string> notes;
};

// `out_folder` must not exist, be empty, or be a model folder, which is replaced; anything else is
// refused untouched. Blocking; for the released model about the time to read and write 5 GiB.
Result<ImportReport> import_model(const ImportSources& sources,
                                  const std::filesystem::path& out_folder);

}  // namespace posefleet

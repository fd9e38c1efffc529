#include "tests/fuzz/targets.h"

#include <array>

namespace posefleet::fuzz {

std::span<const Target> all_targets() {
  static constexpr std::array kTargets = {
      Target{"boxes", fuzz_boxes},
      Target{"checkpoint", fuzz_checkpoint},
      Target{"checkpoint_pickle", fuzz_checkpoint_pickle},
      Target{"detector", fuzz_detector},
      Target{"http", fuzz_http},
      Target{"job_spec", fuzz_job_spec},
      Target{"manifest", fuzz_manifest},
      Target{"model_config", fuzz_model_config},
      Target{"npz", fuzz_npz},
      Target{"parameter_sets", fuzz_parameter_sets},
      Target{"pickle", fuzz_pickle},
      Target{"program_config", fuzz_program_config},
      Target{"safetensors", fuzz_safetensors},
      Target{"smpl_file", fuzz_smpl_file},
      Target{"truth", fuzz_truth},
      Target{"wire_client", fuzz_wire_client},
      Target{"wire_control", fuzz_wire_control},
      Target{"wire_result", fuzz_wire_result},
  };
  return kTargets;
}

}  // namespace posefleet::fuzz

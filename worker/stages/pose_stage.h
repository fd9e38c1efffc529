// Computes a pose range: decode its frames, find the people or take the boxes that the task names,
// run the network, encode the poses.
#pragma once

#include <memory>

#include "common/model_folder/model_folder.h"
#include "worker/detect/torchscript_network.h"
#include "worker/model/hmr2.h"
#include "worker/runtime/executor.h"

namespace posefleet {

struct PoseStageOptions {
  int threads = 1;              // of the networks, which run one after the other
  SharedDetectorFile detector;  // null: none, whole frames are taken where one is asked for
};

// One resident network. Several of them share the weights.
class PoseStage final : public RangeExecutor {
 public:
  static Result<std::unique_ptr<PoseStage>> create(const ModelFolder& folder, SharedWeights weights,
                                                   const PoseStageOptions& options);
  ~PoseStage() override;

  Result<RangeOutput> run(const Grant& grant, RangeProgress& progress) override;

 private:
  class Impl;
  explicit PoseStage(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace posefleet

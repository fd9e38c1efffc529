// Computes a pose range: decode its frames, find the people or take the boxes that the task names,
// run the network, encode the poses.
#pragma once

#include "worker/runtime/executor.h"
#include "worker/stages/pose_engine.h"

namespace posefleet {

// The engine must outlive it.
class PoseStage final : public RangeExecutor {
 public:
  explicit PoseStage(PoseEngine& engine) : engine_(engine) {}

  Result<RangeOutput> run(const Grant& grant, RangeProgress& progress) override;

 private:
  PoseEngine& engine_;
};

}  // namespace posefleet

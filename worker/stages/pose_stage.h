// Computes a pose range: decode its frames, find the people or take the boxes that the task names,
// run the network, encode the poses.
#pragma once

#include "common/media/source_cache.h"
#include "worker/runtime/executor.h"
#include "worker/stages/pose_engine.h"

namespace posefleet {

// The engine and the cache must outlive it.
class PoseStage final : public RangeExecutor {
 public:
  PoseStage(PoseEngine& engine, SourceCache& sources) : engine_(engine), sources_(sources) {}

  Result<RangeOutput> run(const Grant& grant, RangeProgress& progress) override;

 private:
  PoseEngine& engine_;
  SourceCache& sources_;
};

}  // namespace posefleet

// Computes a render range: decode its frames, turn parameters into meshes, draw them into the
// frames, encode a closed segment. No OpenGL, no LibTorch.
#pragma once

#include <memory>

#include "common/body/body_model.h"
#include "common/media/source_cache.h"
#include "common/model_folder/model_folder.h"
#include "worker/runtime/executor.h"

namespace posefleet {

class RenderStage final : public RangeExecutor {
 public:
  // The cache must outlive it.
  static Result<std::unique_ptr<RenderStage>> create(const ModelFolder& folder,
                                                     std::shared_ptr<const BodyModel> body,
                                                     SourceCache& sources);
  ~RenderStage() override;

  // A frame whose bodies cannot be drawn (numbers that are not finite) keeps its picture and is
  // counted.
  Result<RangeOutput> run(const Grant& grant, RangeProgress& progress) override;

 private:
  class Impl;
  explicit RenderStage(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace posefleet

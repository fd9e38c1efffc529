// A pose model without weights: its answers are valid bodies that follow from the crop's bytes
// alone.
//
// So tests of batches, ranges and whole clusters can compare results as with the real network: the
// same crop gives the same bytes in any batch, on any machine, and different crops differ.
#pragma once

#include "worker/model/model.h"

namespace posefleet {

class FakeModel final : public PoseModel {
 public:
  explicit FakeModel(int batch_size);

  int batch_size() const override { return batch_size_; }
  std::string description() const override;
  Result<std::vector<NetworkOutput>> run(std::span<const float> crops, int count,
                                         const OnStep& on_step = {}) override;

 private:
  int batch_size_;
};

}  // namespace posefleet

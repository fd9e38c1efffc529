// Drawn crops that are learned from more than once.
//
// Drawing a crop takes as long as learning from it, and a network of this size gains as much from
// seeing a crop a few times, mirrored and not, as from new ones. The oldest make room.
//
// Plain memory, owned by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "training/hmr2/samples.h"

namespace posefleet::training {

struct StoredCrop {
  std::vector<std::uint8_t> rgb = std::vector<std::uint8_t>(kCropBytes);
  CropTruth truth;
};

class CropStore final {
 public:
  explicit CropStore(std::size_t capacity) : capacity_(capacity) {}

  std::size_t size() const { return crops_.size(); }
  const StoredCrop& operator[](std::size_t i) const { return crops_[i]; }

  // To be filled by the caller. Invalidates what was handed out before.
  StoredCrop& renew() {
    if (crops_.size() < capacity_) return crops_.emplace_back();
    const std::size_t oldest = next_;
    next_ = (next_ + 1) % capacity_;
    return crops_[oldest];
  }

 private:
  std::size_t capacity_;
  std::size_t next_ = 0;
  std::vector<StoredCrop> crops_;
};

}  // namespace posefleet::training

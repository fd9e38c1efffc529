// Chance in the shapes in which drawing needs it. Repeatable: see common/base/random.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/base/random.h"

namespace posefleet::training {

class Dice final {
 public:
  // Streams of different (seed, index, stream) have nothing to do with each other.
  Dice(std::uint64_t seed, std::uint64_t index, std::uint64_t stream = 0)
      : random_(Random(Random(Random(seed).next() ^ index).next() ^ stream).next()) {}

  float in(float low, float high) {
    return low + (high - low) * static_cast<float>(random_.unit());
  }
  float normal(float deviation) { return deviation * static_cast<float>(random_.normal()); }
  bool chance(float probability) { return random_.chance(probability); }
  int below(int count) {
    return static_cast<int>(random_.below(static_cast<std::uint64_t>(count)));
  }
  // An index, with probability in proportion to its weight.
  template <std::size_t kCount>
  int pick(const std::array<float, kCount>& weights) {
    float sum = 0;
    for (const float weight : weights) sum += weight;
    float left = in(0, sum);
    for (std::size_t i = 0; i + 1 < kCount; ++i) {
      left -= weights[i];
      if (left < 0) return static_cast<int>(i);
    }
    return static_cast<int>(kCount) - 1;
  }
  std::uint64_t bits() { return random_.next(); }

 private:
  Random random_;
};

}  // namespace posefleet::training

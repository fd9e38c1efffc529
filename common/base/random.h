// Random numbers that are the same on every machine: the standard library's distributions are not.
//
// SplitMix64: one 64-bit state, an addition and three xor-multiplies a number (Steele, Lea, Flood
// 2014). Good enough for plans, tests and simulation; never for keys.
#pragma once

#include <cstdint>

namespace posefleet {

class Random final {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }

  // Uniform in [0, bound). The bias of the remainder is below 2^-32 for the bounds in use here.
  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }

  // Uniform in [0, 1), 53 bits.
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  // Approximately normal with mean 0 and deviation 1: the sum of twelve uniforms less six. Tails
  // end at 6, which no user of this minds; it is exactly repeatable, which all of them need.
  double normal() {
    double sum = -6.0;
    for (int i = 0; i < 12; ++i) sum += unit();
    return sum;
  }

  bool chance(double probability) { return unit() < probability; }

 private:
  std::uint64_t state_;
};

}  // namespace posefleet

// The shortest of some runs: the others were disturbed by something that is not what is measured.
#pragma once

#include <algorithm>
#include <chrono>
#include <limits>

namespace posefleet::bench {

template <typename Run>
double best_seconds(int repeats, const Run& run) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
  }
  return best;
}

}  // namespace posefleet::bench

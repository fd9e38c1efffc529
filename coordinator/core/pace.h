// How fast a stage's ranges are finished, to tell which of the running ones is a straggler.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "coordinator/core/commands.h"

namespace posefleet::core {

// The time per frame of the last ranges. Per frame, because the last range of a video and the
// halves of a split one are shorter than the others.
class Pace final {
 public:
  void add(Instant time, std::uint32_t frames) {
    times_[count_++ % times_.size()] = time / std::max<std::uint32_t>(1, frames);
  }

  // Three quarters of the ranges took at most that long per frame. Nothing until there is enough to
  // judge by: the first ranges of a job also load its source.
  std::optional<Instant> slow_quarter() const {
    const std::size_t known = std::min(count_, times_.size());
    if (known < kEnough) return std::nullopt;
    auto sorted = times_;
    const auto at = sorted.begin() + static_cast<std::ptrdiff_t>(known * 3 / 4);
    std::nth_element(sorted.begin(), at, sorted.begin() + static_cast<std::ptrdiff_t>(known));
    return *at;
  }

 private:
  static constexpr std::size_t kEnough = 4;
  std::array<Instant, 64> times_{};
  std::size_t count_ = 0;
};

}  // namespace posefleet::core

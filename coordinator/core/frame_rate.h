// How many frames a second a session gets done, for people: over the last 15 to 30 seconds.
//
// Two windows of 15 s each: the full one before and the one that is filling. A mean that decays
// would need no windows but could not be told in words.
#pragma once

#include <chrono>
#include <cstdint>

#include "coordinator/core/commands.h"

namespace posefleet::core {

// A value.
class FrameRate final {
 public:
  FrameRate() = default;
  // Of a session that begins now.
  explicit FrameRate(Instant now) : before_began_(now), began_(now) {}

  void add(std::uint32_t frames, Instant now) {
    roll(now);
    frames_ += frames;
  }
  // 0 in the first second, of which nothing can be said.
  double per_second(Instant now) const {
    FrameRate until_now = *this;
    until_now.roll(now);
    const std::chrono::duration<double> time = now - until_now.before_began_;
    if (time < std::chrono::seconds(1)) return 0;
    return static_cast<double>(until_now.before_ + until_now.frames_) / time.count();
  }

 private:
  static constexpr Instant kWindow = std::chrono::seconds(15);

  void roll(Instant now) {
    if (now - began_ < kWindow) return;
    const bool is_next = now - began_ < 2 * kWindow;
    before_ = is_next ? frames_ : 0;
    before_began_ = is_next ? began_ : now - kWindow;
    began_ = now;
    frames_ = 0;
  }

  Instant before_began_{};
  std::uint64_t before_ = 0;
  Instant began_{};
  std::uint64_t frames_ = 0;
};

}  // namespace posefleet::core

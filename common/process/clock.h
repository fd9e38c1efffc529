// The only place that reads the time. Cores get it as an argument, tests make it up.
//
// Monotonic, nanoseconds from an arbitrary start; never compared between processes.
#pragma once

#include <chrono>

namespace posefleet {

// Time as the cores see it: since some start of their own process.
using Instant = std::chrono::nanoseconds;

inline Instant now() {
  return std::chrono::duration_cast<Instant>(std::chrono::steady_clock::now().time_since_epoch());
}

inline double seconds(Instant duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace posefleet

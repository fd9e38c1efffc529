// What computes a range: the pose stage and the render stage are the two implementations, tests add
// a third. The loop (runtime.h) knows nothing of pictures.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "common/base/result.h"
#include "common/protocol/messages.h"

namespace posefleet {

// How far a running range is, and whether anybody still wants it. Written by the executor's thread,
// read by the loop, which puts it into heartbeats: the lease is renewed only when it grows.
class RangeProgress final {
 public:
  void add_frame() { frames_done_.fetch_add(1, std::memory_order_relaxed); }
  // A part of a frame's or a batch's work, so that a long batch does not look like a hang.
  void add_step() { steps_.fetch_add(1, std::memory_order_relaxed); }
  std::uint32_t steps() const { return steps_.load(std::memory_order_relaxed); }
  std::uint32_t frames_done() const { return frames_done_.load(std::memory_order_relaxed); }
  void cancel() { is_cancelled_.store(true, std::memory_order_relaxed); }
  bool is_cancelled() const { return is_cancelled_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint32_t> frames_done_ = 0;
  std::atomic<std::uint32_t> steps_ = 0;
  std::atomic<bool> is_cancelled_ = false;
};

struct RangeOutput {
  std::string bytes;
  RangeStats stats;
};

// Lives on a thread of its own; `run` is called for one range after the other.
class RangeExecutor {
 public:
  virtual ~RangeExecutor() = default;

  // Errors: Rejected when the range's data are at fault (the same will happen elsewhere), anything
  // else when this worker is. Looks at is_cancelled() between frames and may then return any error.
  virtual Result<RangeOutput> run(const Grant& grant, RangeProgress& progress) = 0;
};

}  // namespace posefleet

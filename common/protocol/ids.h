// Distinct types for the numbers and names that the cluster passes around, so that a job cannot be
// handed over where a range is meant.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace posefleet {

// Jobs are numbered by the store, from 1, never again.
enum class JobId : std::uint64_t {};
// A frame range is numbered by the store, unique over all jobs.
enum class RangeId : std::uint64_t {};
// A session is one connection of one worker process; random, never used again.
enum class SessionId : std::uint64_t {};

constexpr std::uint64_t number(JobId id) {
  return static_cast<std::uint64_t>(id);
}
constexpr std::uint64_t number(RangeId id) {
  return static_cast<std::uint64_t>(id);
}
constexpr std::uint64_t number(SessionId id) {
  return static_cast<std::uint64_t>(id);
}

// What fences off late writers: grants are ordered by (epoch, seq), epoch being the number of times
// that the coordinator has started on its store.
struct Token {
  std::uint64_t epoch = 0;
  std::uint64_t seq = 0;
  auto operator<=>(const Token&) const = default;
};

// Half-open range of displayed frames: `first` is in it, `end` is not.
struct FrameRange {
  std::uint32_t first = 0;
  std::uint32_t end = 0;

  std::uint32_t size() const { return end - first; }
  bool operator==(const FrameRange&) const = default;
};

enum class Stage : std::uint8_t { Pose = 0, Render = 1 };
constexpr const char* name_of(Stage stage) {
  return stage == Stage::Pose ? "pose" : "render";
}

}  // namespace posefleet

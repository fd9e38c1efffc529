// What the commands answer to the shell (docs/operating.md).
#pragma once

namespace posefleet::cli {

inline constexpr int kDone = 0;
inline constexpr int kUsage = 2;  // wrong options, or input that can be told to be wrong
inline constexpr int kJobFailed = 3;
inline constexpr int kUnreachable = 4;  // no server
inline constexpr int kInterrupted = 130;

}  // namespace posefleet::cli

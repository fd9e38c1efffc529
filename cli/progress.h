// Progress for people: a line a stage with frames, frames per second and time left.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/protocol/client.h"

namespace posefleet::cli {

enum class ProgressStyle {
  Bar,    // redrawn in place, on a terminal
  Lines,  // a plain line now and then, for logs
  None,
};

// "auto" draws a bar on a terminal and nothing elsewhere.
Result<ProgressStyle> parse_progress_style(const std::string& text, bool is_terminal);

// One stage at one moment. `elapsed` since its first frame; `width` in columns.
std::string format_stage(const StageProgress& stage, std::chrono::milliseconds elapsed, int width);

// Writes to standard error. One thread.
class ProgressView final {
 public:
  explicit ProgressView(ProgressStyle style) : style_(style) {}

  void show(const std::string& title, const JobStatus& status);
  // Takes the bars away, so that other lines can follow.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  ProgressStyle style_;
  int lines_drawn_ = 0;
  std::optional<Clock::time_point> stage_started_[2];
  Clock::time_point shown_{};
  JobId job_{};
};

}  // namespace posefleet::cli

#include "cli/progress.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace posefleet::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLineEvery{2000};
// Before that much time a rate is noise.
constexpr milliseconds kRateAfter{300};

int terminal_width() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string clock_text(double seconds) {
  const long whole = static_cast<long>(seconds + 0.5);
  if (whole >= 3600) {
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  }
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

// What happens besides the stages.
std::string phase_text(const JobStatus& status) {
  if (!status.trouble.empty()) return "waiting: " + status.trouble;
  switch (status.state) {
    case JobState::Submitted:
    case JobState::Probing:
      return "reading the source";
    case JobState::Assembling:
      return "joining and checking the output";
    default:
      break;
  }
  for (const StageProgress& stage : status.stages) {
    if (stage.frames_total > 0 && stage.workers == 0) {
      return std::string("waiting for a ") + name_of(stage.stage) + " worker";
    }
  }
  return status.retries > 0 ? fmt::format("{} range(s) done again", status.retries) : "";
}

}  // namespace

Result<ProgressStyle> parse_progress_style(const std::string& text, bool is_terminal) {
  if (text == "auto") return is_terminal ? ProgressStyle::Bar : ProgressStyle::None;
  if (text == "bar") return ProgressStyle::Bar;
  if (text == "lines") return ProgressStyle::Lines;
  if (text == "none") return ProgressStyle::None;
  return rejected("--progress is '" + text + "', allowed: auto, bar, lines, none");
}

std::string format_stage(const StageProgress& stage, milliseconds elapsed, int width) {
  // The numbers come over the network; a bar must not become longer than itself.
  const std::uint64_t frames_done = std::min(stage.frames_done, stage.frames_total);
  const double share = stage.frames_total == 0 ? 0
                                               : static_cast<double>(frames_done) /
                                                     static_cast<double>(stage.frames_total);
  std::string rate;
  if (elapsed >= kRateAfter && frames_done > 0) {
    const double per_second =
        static_cast<double>(frames_done) / std::chrono::duration<double>(elapsed).count();
    const double left =
        static_cast<double>(stage.frames_total - frames_done) / std::max(per_second, 1e-9);
    rate = fmt::format("{:6.1f} frames/s  {} left", per_second, clock_text(left));
  }
  const std::string counts = fmt::format("{}/{} frames", frames_done, stage.frames_total);
  const std::string head = fmt::format("{:<7}", name_of(stage.stage));
  const int text_width = static_cast<int>(head.size()) + 3 + 16 + 2 + 28;
  const int bar_width = std::clamp(width - text_width - 1, 0, 40);
  const int filled = static_cast<int>(share * bar_width);
  const std::string bar =
      bar_width < 8 ? ""
                    : "[" + std::string(static_cast<std::size_t>(filled), '#') +
                          std::string(static_cast<std::size_t>(bar_width - filled), '.') + "] ";
  return fmt::format("{}{}{:<16} {}", head, bar, counts, rate);
}

void ProgressView::show(const std::string& title, const JobStatus& status) {
  if (style_ == ProgressStyle::None) return;
  if (status.job != job_) {
    job_ = status.job;
    stage_started_[0].reset();
    stage_started_[1].reset();
  }
  const auto time = Clock::now();
  const int width = style_ == ProgressStyle::Bar ? terminal_width() : 100;
  std::vector<std::string> lines = {title};
  if (const std::string phase = phase_text(status); !phase.empty()) lines[0] += "  " + phase;
  for (const StageProgress& stage : status.stages) {
    auto& started = stage_started_[static_cast<std::size_t>(stage.stage)];
    if (stage.frames_total == 0) continue;
    if (!started && stage.frames_done > 0) started = time;
    const auto elapsed =
        started ? std::chrono::duration_cast<milliseconds>(time - *started) : milliseconds(0);
    lines.push_back(format_stage(stage, elapsed, width));
  }
  if (style_ == ProgressStyle::Lines) {
    if (time - shown_ < kLineEvery) return;
    shown_ = time;
    for (const std::string& line : lines) std::fprintf(stderr, "%s\n", line.c_str());
    return;
  }
  clear();
  for (const std::string& line : lines) {
    std::fprintf(stderr, "\x1b[2K%s\n",
                 line.substr(0, static_cast<std::size_t>(width - 1)).c_str());
  }
  lines_drawn_ = static_cast<int>(lines.size());
}

void ProgressView::clear() {
  for (; lines_drawn_ > 0; --lines_drawn_) std::fprintf(stderr, "\x1b[1A\x1b[2K");
  std::fflush(stderr);
}

}  // namespace posefleet::cli

#include "cli/progress.h"

#include <gtest/gtest.h>

namespace posefleet::cli {
namespace {

using namespace std::chrono_literals;

StageProgress stage(std::uint64_t done, std::uint64_t total) {
  StageProgress progress;
  progress.frames_done = done;
  progress.frames_total = total;
  progress.workers = 1;
  return progress;
}

TEST(Progress, AStageShowsFramesRateAndTimeLeft) {
  struct Case {
    StageProgress stage;
    std::chrono::milliseconds elapsed;
    int width;
    const char* line;
  };
  for (const Case& one : {
           Case{stage(0, 100), 0ms, 100,
                "pose   [........................................] "
                "0/100 frames     "},
           Case{stage(50, 100), 5000ms, 100,
                "pose   [####################....................] "
                "50/100 frames      10.0 frames/s  0:05 left"},
           Case{stage(100, 100), 2000ms, 100,
                "pose   [########################################] "
                "100/100 frames     50.0 frames/s  0:00 left"},
           // A rate needs time to be one.
           Case{stage(5, 100), 299ms, 60, "pose   5/100 frames     "},
           Case{stage(1, 7201), 1000ms, 60,
                "pose   1/7201 frames       1.0 frames/s  2:00:00 left"},
           // More than there is: the numbers come over the network.
           Case{stage(300, 100), 1000ms, 60, "pose   100/100 frames    100.0 frames/s  0:00 left"},
       }) {
    EXPECT_EQ(format_stage(one.stage, one.elapsed, one.width), one.line);
  }
}

TEST(Progress, AnyNumbersFitAnyWidth) {
  for (const std::uint64_t done : {std::uint64_t{0}, std::uint64_t{7}, UINT64_MAX}) {
    for (const std::uint64_t total : {std::uint64_t{0}, std::uint64_t{1}, UINT64_MAX}) {
      for (const int width : {-1, 0, 1, 40, 64, 80, 10'000}) {
        EXPECT_FALSE(format_stage(stage(done, total), 1h, width).empty());
        EXPECT_LT(format_stage(stage(done, total), 1h, width).size(), 160u);
      }
    }
  }
}

TEST(Progress, StylesHaveNames) {
  EXPECT_EQ(*parse_progress_style("auto", true), ProgressStyle::Bar);
  EXPECT_EQ(*parse_progress_style("auto", false), ProgressStyle::None);
  EXPECT_EQ(*parse_progress_style("lines", false), ProgressStyle::Lines);
  const auto wrong = parse_progress_style("fancy", true);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message, "--progress is 'fancy', allowed: auto, bar, lines, none");
}

}  // namespace
}  // namespace posefleet::cli

#include "coordinator/server/disk_watch.h"

#include <gtest/gtest.h>

#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

using Change = DiskWatch::Change;
constexpr std::uint64_t kMiB = 1 << 20;

TEST(DiskWatch, StopsBelowItsMarkAndGoesOnAboveAnother) {
  DiskWatch watch("/data", 100 * kMiB);
  struct Step {
    std::uint64_t free_mib;
    Change change;
    bool is_low;
  };
  for (const Step& step : {
           Step{500, Change::None, false},
           Step{100, Change::None, false},
           Step{99, Change::BecameLow, true},
           Step{50, Change::None, true},
           // Some room is not enough: the next result would take it.
           Step{100, Change::None, true},
           Step{124, Change::None, true},
           Step{125, Change::BecameRoomy, false},
           Step{101, Change::None, false},
           Step{0, Change::BecameLow, true},
       }) {
    SCOPED_TRACE(step.free_mib);
    EXPECT_EQ(watch.judge(step.free_mib * kMiB), step.change);
    EXPECT_EQ(watch.is_low(), step.is_low);
  }
  EXPECT_EQ(watch.reason(),
            "the disk of /data has 0 MiB left, nothing new is begun until there are 125 MiB "
            "(disk.free_min_mib is 100)");
}

TEST(DiskWatch, AsksTheSystem) {
  TempDir folder;
  EXPECT_EQ(DiskWatch(folder.path(), 1).look(), Change::None);
  EXPECT_EQ(DiskWatch(folder.path(), 1ULL << 60).look(), Change::BecameLow);
  // Off, or nobody answers.
  EXPECT_EQ(DiskWatch(folder.path(), 0).look(), Change::None);
  EXPECT_EQ(DiskWatch(folder / "no/such/folder", 1ULL << 60).look(), Change::None);
}

}  // namespace
}  // namespace posefleet::tests

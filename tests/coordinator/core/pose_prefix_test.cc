// From which frame on poses are missing.
#include "coordinator/core/pose_prefix.h"

#include <random>
#include <set>

#include <gtest/gtest.h>

namespace posefleet::tests {
namespace {

using core::PosePrefix;

TEST(PosePrefix, NothingIsMissingWhereThereIsNothing) {
  EXPECT_EQ(PosePrefix().end(), UINT32_MAX);
}

TEST(PosePrefix, EndsAtTheFirstRangeThatIsNotCommitted) {
  PosePrefix poses;
  for (const std::uint32_t first : {20U, 0U, 10U}) poses.add({first, first + 10}, false);
  EXPECT_EQ(poses.end(), 0u);
  poses.set_committed({10, 20}, true);
  EXPECT_EQ(poses.end(), 0u);
  poses.set_committed({0, 10}, true);
  EXPECT_EQ(poses.end(), 20u);
  poses.set_committed({20, 30}, true);
  EXPECT_EQ(poses.end(), UINT32_MAX);
  poses.set_committed({10, 20}, false);
  EXPECT_EQ(poses.end(), 10u);
  poses.remove({10, 20});
  poses.add({10, 15}, false);
  poses.add({15, 20}, true);
  EXPECT_EQ(poses.end(), 10u);
  poses.set_committed({10, 15}, true);
  EXPECT_EQ(poses.end(), UINT32_MAX);
}

// Against counting from the start, for random comings and goings.
TEST(PosePrefix, IsWhatCountingFromTheStartGives) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    PosePrefix poses;
    std::set<std::uint32_t> missing;
    constexpr std::uint32_t kRanges = 12;
    for (std::uint32_t i = 0; i < kRanges; ++i) {
      const bool is_committed = random() % 3 == 0;
      poses.add({4 * i, 4 * i + 4}, is_committed);
      if (!is_committed) missing.insert(4 * i);
    }
    for (int step = 0; step < 100; ++step) {
      const std::uint32_t first = 4 * (random() % kRanges);
      const bool is_committed = random() % 2 == 0;
      poses.set_committed({first, first + 4}, is_committed);
      if (is_committed) {
        missing.erase(first);
      } else {
        missing.insert(first);
      }
      ASSERT_EQ(poses.end(), missing.empty() ? UINT32_MAX : *missing.begin()) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace posefleet::tests

#include "common/process/sparse_log.h"

#include <gtest/gtest.h>

namespace posefleet::tests {
namespace {

using namespace std::chrono_literals;

TEST(SparseLog, AFloodGivesOneLineAMinuteWithItsCount) {
  SparseLog log;
  Instant now = 5s;
  EXPECT_EQ(log.add("noise", "from a", now), "noise: from a");
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(log.add("noise", "from b", now += 50ms));
  // 50 s later: not yet. Then the next event, or the clock alone, brings the line.
  EXPECT_TRUE(log.take_due(now).empty());
  EXPECT_EQ(log.add("noise", "from c", now += 10s),
            "noise: from c (1001 times since the last such line)");
  EXPECT_FALSE(log.add("noise", "from d", now += 1s));
  EXPECT_TRUE(log.take_due(now + 58s).empty());
  EXPECT_EQ(log.take_due(now + 59s), (std::vector<std::string>{"noise: from d"}));
  EXPECT_TRUE(log.take_due(now + 600s).empty());
}

TEST(SparseLog, KindsDoNotSilenceEachOther) {
  SparseLog log;
  EXPECT_TRUE(log.add("a", "", 0s));
  EXPECT_EQ(log.add("b", "", 1s), "b");
  EXPECT_FALSE(log.add("a", "", 2s));
}

}  // namespace
}  // namespace posefleet::tests

#include <cstdlib>

#include <gtest/gtest.h>

#include "tests/sim/cluster.h"

namespace posefleet::sim {
namespace {

// POSEFLEET_SIM_SEEDS=10000 for a night; POSEFLEET_SIM_FIRST_SEED to replay one.
std::uint64_t number_from(const char* variable, std::uint64_t fallback) {
  const char* text = std::getenv(variable);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

std::string text_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += "\n  " + line;
  return text;
}

Faults no_faults() {
  Faults faults;
  faults.calm_after = 0ms;
  return faults;
}

TEST(Cluster, WithoutFaultsEveryRangeIsGrantedOnce) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Outcome outcome = run_cluster(seed, no_faults());
    ASSERT_TRUE(outcome.violations.empty()) << "seed " << seed << text_of(outcome.violations);
    ASSERT_EQ(outcome.attempts, outcome.ranges) << "seed " << seed;
  }
}

TEST(Cluster, KeepsItsRulesWhateverGoesWrong) {
  const std::uint64_t first = number_from("POSEFLEET_SIM_FIRST_SEED", 1);
  const std::uint64_t count = number_from("POSEFLEET_SIM_SEEDS", 1000);
  std::uint64_t attempts = 0;
  std::uint64_t ranges = 0;
  std::uint64_t deaths = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const Outcome outcome = run_cluster(seed);
    ASSERT_TRUE(outcome.violations.empty()) << "seed " << seed << text_of(outcome.violations);
    attempts += outcome.attempts;
    ranges += outcome.ranges;
    deaths += outcome.coordinator_deaths;
  }
  std::printf("%llu seeds: %llu grants for %llu ranges, %llu deaths of the coordinator\n",
              static_cast<unsigned long long>(count), static_cast<unsigned long long>(attempts),
              static_cast<unsigned long long>(ranges), static_cast<unsigned long long>(deaths));
  // The faults are really there.
  if (count >= 100) {
    EXPECT_GT(attempts, ranges + ranges / 20);
    EXPECT_GT(deaths, count / 10);
  }
}

TEST(Cluster, ASeedGivesTheSameRun) {
  const Outcome first = run_cluster(42);
  const Outcome second = run_cluster(42);
  EXPECT_EQ(first.took, second.took);
  EXPECT_EQ(first.attempts, second.attempts);
  EXPECT_NE(first.took, run_cluster(43).took);
}

TEST(Cluster, TheCheckerObjectsToEveryBrokenRule) {
  struct Case {
    Breakage breakage;
    const char* objection;
  };
  for (const Case& one : {
           Case{Breakage::CommitsAreNotWritten, "acknowledged and not committed"},
           Case{Breakage::LastWriterWins, "committed twice"},
           Case{Breakage::CreditIsInflated, "more ranges than it has room for"},
           Case{Breakage::EveryResultIsComplete, "other bytes than its own"},
           Case{Breakage::ResultsAreLost, "the work does not end"},
       }) {
    SCOPED_TRACE(one.objection);
    bool is_seen = false;
    for (std::uint64_t seed = 1; seed <= 5 && !is_seen; ++seed) {
      for (const std::string& line : run_cluster(seed, {}, one.breakage).violations) {
        is_seen |= line.find(one.objection) != std::string::npos;
      }
    }
    EXPECT_TRUE(is_seen);
  }
}

}  // namespace
}  // namespace posefleet::sim

#include <cstdlib>
#include <thread>

#include <gtest/gtest.h>

#include "tests/sim/cluster.h"

namespace posefleet::sim {
namespace {

// POSEFLEET_SIM_SEEDS=1000000 for a night; POSEFLEET_SIM_FIRST_SEED to replay one.
std::uint64_t number_from(const char* variable, std::uint64_t fallback) {
  const char* text = std::getenv(variable);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

std::string text_of(std::uint64_t seed, const std::vector<std::string>& lines) {
  std::string text = "seed " + std::to_string(seed) + "; replay it by\n  POSEFLEET_SIM_TRACE=1 " +
                     "POSEFLEET_SIM_SEEDS=1 POSEFLEET_SIM_FIRST_SEED=" + std::to_string(seed) +
                     " build/tests/sim_test --gtest_filter='*WhateverGoesWrong'";
  for (const std::string& line : lines) text += "\n  " + line;
  return text;
}

Faults no_faults() {
  Faults faults;
  faults.calm_after = 0ms;
  faults.poison = 0;
  return faults;
}

TEST(Cluster, WithoutFaultsEveryRangeIsGrantedOnce) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Outcome outcome = run_cluster(seed, no_faults());
    ASSERT_TRUE(outcome.violations.empty()) << text_of(seed, outcome.violations);
    ASSERT_EQ(outcome.attempts, outcome.ranges) << "seed " << seed;
  }
}

// Two cores halve the time: seeds share nothing.
TEST(Cluster, KeepsItsRulesWhateverGoesWrong) {
  const std::uint64_t first = number_from("POSEFLEET_SIM_FIRST_SEED", 1);
  const std::uint64_t count = number_from("POSEFLEET_SIM_SEEDS", 10'000);
  struct Sums {
    Outcome all;
    std::string failed;
  };
  std::vector<Sums> sums(count < 100 ? 1 : 2);
  {
    std::vector<std::jthread> threads;
    for (std::size_t part = 0; part < sums.size(); ++part) {
      threads.emplace_back([&, part] {
        Sums& sum = sums[part];
        for (std::uint64_t i = part; i < count && sum.failed.empty(); i += sums.size()) {
          const Outcome outcome = run_cluster(first + i);
          if (!outcome.violations.empty()) sum.failed = text_of(first + i, outcome.violations);
          sum.all.attempts += outcome.attempts;
          sum.all.ranges += outcome.ranges;
          sum.all.splits += outcome.splits;
          sum.all.coordinator_deaths += outcome.coordinator_deaths;
        }
      });
    }
  }
  Outcome all;
  for (const Sums& sum : sums) {
    ASSERT_TRUE(sum.failed.empty()) << sum.failed;
    all.attempts += sum.all.attempts;
    all.ranges += sum.all.ranges;
    all.splits += sum.all.splits;
    all.coordinator_deaths += sum.all.coordinator_deaths;
  }
  std::printf("%llu seeds: %llu grants for %llu ranges, %llu splits, %llu coordinator deaths\n",
              static_cast<unsigned long long>(count), static_cast<unsigned long long>(all.attempts),
              static_cast<unsigned long long>(all.ranges),
              static_cast<unsigned long long>(all.splits),
              static_cast<unsigned long long>(all.coordinator_deaths));
  // The faults are really there.
  if (count >= 100) {
    EXPECT_GT(all.attempts, all.ranges + all.ranges / 20);
    EXPECT_GT(all.splits, count);
    EXPECT_GT(all.coordinator_deaths, count / 10);
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
    Faults faults = {};
  };
  for (const Case& one : {
           Case{Breakage::CommitsAreNotWritten, "acknowledged and not committed"},
           Case{Breakage::LastWriterWins, "committed twice"},
           Case{Breakage::CreditIsInflated, "more ranges than it has room for"},
           Case{Breakage::EveryResultIsComplete, "other bytes than its own"},
           Case{Breakage::ResultsAreLost, "the job has not succeeded"},
           Case{Breakage::SplitsAreForgotten, "is assembled without"},
           Case{Breakage::WaitingIsExecuting, "charged more often than it was executed"},
           Case{Breakage::CopiesHaveNoCap, "leased to more than two workers"},
           Case{Breakage::NeighboursGoWithIt, "a sound frame is taken out"},
           Case{Breakage::CreditIsWithheld, "a worker is starved", no_faults()},
       }) {
    SCOPED_TRACE(one.objection);
    bool is_seen = false;
    for (std::uint64_t seed = 1; seed <= 400 && !is_seen; ++seed) {
      for (const std::string& line : run_cluster(seed, one.faults, one.breakage).violations) {
        is_seen |= line.find(one.objection) != std::string::npos;
      }
    }
    EXPECT_TRUE(is_seen);
  }
}

}  // namespace
}  // namespace posefleet::sim

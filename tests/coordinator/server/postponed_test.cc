// What a full disk kept from being done is done later, in order, and never over something newer.
#include "coordinator/server/postponed.h"

#include <gtest/gtest.h>

namespace posefleet::tests {
namespace {

using namespace std::chrono_literals;

constexpr JobId kJob{1};
constexpr JobId kOther{2};

core::PersistJob row(JobId job, JobState state) {
  core::PersistJob command;
  command.job.id = job;
  command.job.state = state;
  return command;
}

TEST(Postponed, EachIsTriedAgainAfterItsPauseAndInOrder) {
  Postponed postponed;
  postponed.add(row(kJob, JobState::Succeeded), 10s);
  postponed.add(core::ReleaseJob{kJob}, 10s);
  postponed.add(core::ProbeJob{kOther}, 10s + 500ms);
  EXPECT_TRUE(postponed.take_due(10s + 999ms).empty());
  const core::Commands due = postponed.take_due(11s);
  ASSERT_EQ(due.size(), 2u);
  EXPECT_EQ(std::get<core::PersistJob>(due[0]).job.state, JobState::Succeeded);
  EXPECT_EQ(std::get<core::ReleaseJob>(due[1]).job, kJob);
  EXPECT_TRUE(postponed.take_due(11s).empty());
  EXPECT_EQ(postponed.take_due(12s).size(), 1u);
}

TEST(Postponed, AnOlderRowIsNeverWrittenOverANewerOne) {
  Postponed postponed;
  postponed.add(row(kJob, JobState::Running), 10s);
  postponed.add(row(kJob, JobState::Assembling), 10s);
  postponed.add(row(kOther, JobState::Running), 10s);
  EXPECT_TRUE(postponed.has_row(kJob));
  // The store took a third one of the other job meanwhile.
  postponed.forget_row(kOther);
  EXPECT_FALSE(postponed.has_row(kOther));
  const core::Commands due = postponed.take_due(20s);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(std::get<core::PersistJob>(due[0]).job.state, JobState::Assembling);
  EXPECT_FALSE(postponed.has_row(kJob));
}

}  // namespace
}  // namespace posefleet::tests

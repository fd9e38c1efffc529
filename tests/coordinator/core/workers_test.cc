// What the rules tell about who is there, and what they do when a source is lost.
#include <gtest/gtest.h>

#include "tests/coordinator/core/desk.h"

namespace posefleet::tests {
namespace {

WorkerInfo only_worker(const Desk& desk) {
  const WorkerList list = desk.rules.workers(0, desk.now);
  EXPECT_EQ(list.total, 1u);
  return list.workers.empty() ? WorkerInfo{} : list.workers.front();
}

TEST(Workers, AreListedWithWhatTheySaidAndWhatTheyDo) {
  Desk desk;
  Hello hello = hello_of("w");
  hello.host = "h";
  hello.pid = 17;
  hello.device = "cpu";
  hello.models = 2;
  hello.key_name = "k";
  const SessionId session = session_in(desk.say("w", hello), "w");
  WorkerInfo info = only_worker(desk);
  EXPECT_EQ(info.session, session);
  EXPECT_EQ(info.host, "h");
  EXPECT_EQ(info.pid, 17u);
  EXPECT_EQ(info.device, "cpu");
  EXPECT_EQ(info.models, 2u);
  EXPECT_EQ(info.model_hash, kModel);
  EXPECT_EQ(info.key_name, "k");
  EXPECT_EQ(info.state, WorkerState::Active);
  EXPECT_EQ(info.job, JobId{});
  EXPECT_EQ(info.ranges_held, 0u);

  const auto granted = grants(desk.add_job(pose_ranges(3)), "w");
  ASSERT_EQ(granted.size(), 2u);
  desk.say("w", Heartbeat{session, 2, {waiting(granted[0]), executing(granted[1], 4)}});
  info = only_worker(desk);
  EXPECT_EQ(info.ranges_held, 2u);
  EXPECT_EQ(info.job, kJob);
  EXPECT_EQ(info.frames, granted[1].frames);
  EXPECT_EQ(info.frames_done, 4u);
}

TEST(Workers, AreSuspectWhenBeatsAreMissingAndDrainingWhenTheyGiveBack) {
  Desk desk;
  const SessionId session = session_in(desk.join("w"), "w");
  const auto granted = grants(desk.add_job(pose_ranges(3)), "w");
  desk.tick_after(2500ms);
  EXPECT_EQ(only_worker(desk).state, WorkerState::Suspect);
  desk.say("w", Heartbeat{session, 2, {}});
  EXPECT_EQ(only_worker(desk).state, WorkerState::Active);
  desk.say("w", Fail{session, granted[0].range, granted[0].token, FailClass::Returned, "stopped"});
  EXPECT_EQ(only_worker(desk).state, WorkerState::Draining);
}

TEST(Workers, ComeInPartsOfABoundedSize) {
  Desk desk;
  for (std::uint32_t i = 0; i < kWorkersListed + 50; ++i) desk.join("w" + std::to_string(i));
  const WorkerList first = desk.rules.workers(0, desk.now);
  EXPECT_EQ(first.workers.size(), kWorkersListed);
  EXPECT_EQ(first.total, kWorkersListed + 50);
  const WorkerList second = desk.rules.workers(kWorkersListed, desk.now);
  EXPECT_EQ(second.workers.size(), 50u);
  std::set<SessionId> sessions;
  for (const WorkerList& list : {first, second}) {
    for (const WorkerInfo& one : list.workers) sessions.insert(one.session);
  }
  EXPECT_EQ(sessions.size(), kWorkersListed + 50);
  EXPECT_TRUE(desk.rules.workers(4'000'000'000u, desk.now).workers.empty());
}

TEST(Workers, RateIsOfTheLastHalfMinuteAndCountsEachFrameOnce) {
  Desk desk;
  const SessionId session = session_in(desk.join("w", 100), "w");
  const auto granted = grants(desk.add_job(pose_ranges(3)), "w");
  ASSERT_EQ(granted.size(), 3u);
  // Ten frames in ten seconds, half of them told by beats and half by the result.
  desk.now += 5s;
  desk.say("w", Heartbeat{session, 100, {executing(granted[0], 5)}});
  desk.say("w", Heartbeat{session, 100, {executing(granted[0], 5)}});
  desk.now += 5s;
  desk.commit("w", session, granted[0]);
  EXPECT_DOUBLE_EQ(only_worker(desk).frames_per_second, 1.0);
  desk.now += 10s;
  EXPECT_DOUBLE_EQ(only_worker(desk).frames_per_second, 0.5);
  desk.now += 60s;
  EXPECT_DOUBLE_EQ(only_worker(desk).frames_per_second, 0.0);
}

TEST(Workers, ALostSourceEndsItsJobAndFreesItsWorkers) {
  Desk desk;
  const SessionId session = session_in(desk.join("w"), "w");
  const auto granted = grants(desk.add_job(pose_ranges(2)), "w");
  ASSERT_EQ(granted.size(), 2u);
  // As the edge does it when it finds out while granting.
  desk.rules.on_grant_failed("w", granted[1], "gone", desk.now);
  const core::Commands commands = desk.rules.on_source_lost(kJob, "clip.mp4 is gone", desk.now);
  EXPECT_EQ(desk.rules.find_job(kJob)->state, JobState::Failed);
  EXPECT_EQ(desk.rules.find_job(kJob)->error, "clip.mp4 is gone");
  EXPECT_EQ(sent<CancelRange>(commands, "w").size(), 1u);
  EXPECT_EQ(all<core::ReleaseJob>(commands).size(), 1u);
  // What it did for the job is out of its hands, and it gets the next one.
  desk.say("w", Heartbeat{session, 3, {}});
  desk.rules.on_job_submitted(job_record(JobId{2}), desk.now);
  const auto next = desk.rules.on_probed(
      JobId{2}, {range(50, Stage::Pose, 0, 10, JobId{2}), range(51, Stage::Pose, 10, 20, JobId{2})},
      {}, desk.now);
  EXPECT_EQ(grants(next, "w").size(), 2u);
  EXPECT_TRUE(desk.rules.on_source_lost(kJob, "again", desk.now).empty());
}

}  // namespace
}  // namespace posefleet::tests

#include <set>

#include <gtest/gtest.h>

#include "common/protocol/precision.h"
#include "tests/coordinator/core/desk.h"

namespace posefleet::tests {
namespace {

using core::Commands;

TEST(Leases, CreditBoundsWhatIsGranted) {
  for (const std::uint64_t credit : {0u, 1u, 2u, 5u, 9u}) {
    SCOPED_TRACE(credit);
    Desk desk;
    desk.add_job(pose_ranges(6));
    const Commands commands = desk.join("w", credit);
    EXPECT_EQ(grants(commands, "w").size(), std::min<std::size_t>(credit, 6));
  }
}

TEST(Leases, MoreCreditBringsMoreGrantsAndLessTakesNoneBack) {
  Desk desk;
  desk.add_job(pose_ranges(6));
  const Commands joined = desk.join("w", 2);
  const SessionId session = session_in(joined, "w");
  std::vector<HeldLease> held;
  for (const Grant& grant : grants(joined, "w")) held.push_back(waiting(grant));
  EXPECT_EQ(grants(desk.say("w", Heartbeat{session, 1, held}), "w").size(), 0u);
  EXPECT_EQ(grants(desk.say("w", Heartbeat{session, 3, held}), "w").size(), 1u);
}

TEST(Leases, ARangeIsGrantedOnce) {
  Desk desk;
  desk.add_job(pose_ranges(8));
  std::set<RangeId> ranges;
  std::set<Token> tokens;
  std::size_t count = 0;
  for (const char* peer : {"a", "b", "c"}) {
    const Commands commands = desk.join(peer, 3);
    for (const Grant& grant : grants(commands, peer)) {
      ++count;
      ranges.insert(grant.range);
      tokens.insert(grant.token);
    }
  }
  EXPECT_EQ(count, 8u);
  EXPECT_EQ(ranges.size(), 8u);
  EXPECT_EQ(tokens.size(), 8u);
}

TEST(Leases, AGrantNamesItsPlanItsFramesAndTheEpoch) {
  Desk desk({}, 7);
  desk.add_job(pose_ranges(1));
  const Commands joined = desk.join("w");
  ASSERT_EQ(all<core::SendGrant>(joined).size(), 1u);
  const core::SendGrant send = all<core::SendGrant>(joined).front();
  EXPECT_EQ(send.job, kJob);
  EXPECT_EQ(send.attempts, 1u);
  EXPECT_EQ(send.grant.session, session_in(joined, "w"));
  EXPECT_EQ(send.grant.frames, (FrameRange{0, 10}));
  EXPECT_EQ(send.grant.plan_hash, "plan-1");
  EXPECT_EQ(send.grant.token.epoch, 7u);
  EXPECT_EQ(send.grant.lease_ms, 30'000u);
}

TEST(Leases, OnlyGrowingProgressRenewsALease) {
  struct Case {
    const char* name;
    std::uint32_t frames;  // done more with each second
    std::uint32_t steps;
    bool is_kept;
  };
  for (const Case& one : {Case{"frames grow", 1, 0, true}, Case{"steps within a batch", 0, 1, true},
                          Case{"stands still", 0, 0, false}}) {
    SCOPED_TRACE(one.name);
    Desk desk;
    desk.add_job(pose_ranges(1));
    const Commands joined = desk.join("w", 1);
    const SessionId session = session_in(joined, "w");
    const Grant grant = grants(joined, "w").at(0);
    bool is_cancelled = false;
    for (std::uint32_t second = 0; second < 90; ++second) {
      HeldLease held = executing(grant, 1 + one.frames * second);
      held.steps = one.steps * second;
      const auto commands = desk.beat_for(1000ms, "w", session, 1, {held});
      is_cancelled |= !sent<CancelRange>(commands, "w").empty();
    }
    EXPECT_EQ(is_cancelled, !one.is_kept);
  }
}

TEST(Leases, ARangeThatWaitsInItsWorkerKeepsItsLease) {
  Desk desk;
  desk.add_job(pose_ranges(1));
  const Commands joined = desk.join("w", 1);
  const Grant grant = grants(joined, "w").at(0);
  const auto commands = desk.beat_for(120s, "w", session_in(joined, "w"), 1, {waiting(grant)});
  EXPECT_TRUE(sent<CancelRange>(commands, "w").empty());
}

TEST(Leases, ALeaseThatWeDoNotKnowIsCancelledNotRenewed) {
  Desk desk;
  desk.add_job(pose_ranges(1));
  const Commands joined = desk.join("w", 1);
  const SessionId session = session_in(joined, "w");
  HeldLease stranger = executing(grants(joined, "w").at(0), 1);
  stranger.token.seq += 1000;
  const std::vector<CancelRange> expected = {{stranger.range, stranger.token}};
  // Each time, because the word may be lost.
  for (int beat = 0; beat < 2; ++beat) {
    const Commands commands = desk.say("w", Heartbeat{session, 1, {stranger}});
    EXPECT_EQ(sent<CancelRange>(commands, "w"), expected);
  }
  // The lease that we do know ends, since nothing is heard of it.
  desk.beat_for(29s, "w", session, 1, {});
  EXPECT_EQ(sent<CancelRange>(desk.beat_for(1s, "w", session, 1, {}), "w").size(), 1u);
}

TEST(Leases, TheEndOfALeaseIsChargedOnlyToARangeThatWasExecuting) {
  struct Case {
    const char* name;
    bool is_executing;
    std::uint32_t fails;
  };
  for (const Case& one : {Case{"executing", true, 1}, Case{"never heard of", false, 0}}) {
    SCOPED_TRACE(one.name);
    Desk desk;
    desk.add_job(pose_ranges(1));
    const Commands joined = desk.join("w", 1);
    std::vector<HeldLease> held;
    if (one.is_executing) held = {executing(grants(joined, "w").at(0), 1)};
    const auto commands = desk.beat_for(32s, "w", session_in(joined, "w"), 1, held);
    const auto fails = all<core::PersistFails>(commands);
    EXPECT_EQ(fails.size(), one.fails);
    EXPECT_EQ(desk.rules.status(kJob).retries, 1u);
    // Back in the queue, and the next worker gets it once the backoff is over.
    desk.now += 1s;
    EXPECT_EQ(grants(desk.join("other", 1), "other").size(), 1u);
  }
}

TEST(Leases, ALostGrantLeadsToANewSessionThatCountsCreditAfresh) {
  Desk desk;
  desk.add_job(pose_ranges(2));
  const Commands joined = desk.join("w", 2);
  const SessionId session = session_in(joined, "w");
  const auto granted = grants(joined, "w");
  ASSERT_EQ(granted.size(), 2u);
  // The worker never lists the second one: that grant did not arrive.
  Commands commands;
  for (std::uint32_t second = 1; second <= 30; ++second) {
    const auto more = desk.beat_for(1s, "w", session, 2, {executing(granted[0], second)});
    commands.insert(commands.end(), more.begin(), more.end());
  }
  EXPECT_EQ(sent<UnknownSession>(commands, "w").size(), 1u);
  // Said again while it goes on in the old session, where it gets nothing.
  const auto more = desk.beat_for(1s, "w", session, 9, {executing(granted[0], 31)});
  EXPECT_EQ(sent<UnknownSession>(more, "w").size(), 1u);
  EXPECT_TRUE(grants(more, "w").empty());
  Hello hello = hello_of("w", 2);
  hello.held = {executing(granted[0], 31)};
  const Commands back = desk.say("socket2", hello);
  EXPECT_TRUE(sent<Welcome>(back, "socket2").at(0).drop.empty());
  ASSERT_EQ(grants(back, "socket2").size(), 1u);
  EXPECT_EQ(grants(back, "socket2")[0].range, granted[1].range);
  EXPECT_TRUE(all<core::PersistFails>(back).empty());
}

TEST(Leases, PartsOfAResultAreProgress) {
  Desk desk;
  desk.add_job(pose_ranges(1));
  const Commands joined = desk.join("w", 1);
  const SessionId session = session_in(joined, "w");
  const Grant grant = grants(joined, "w").at(0);
  desk.say("w", Heartbeat{session, 1, {executing(grant, 9)}});
  // A slow link: only parts for a minute, no heartbeat between them.
  Commands commands;
  for (std::uint64_t second = 0; second < 60; ++second) {
    desk.now += 1s;
    EXPECT_TRUE(desk.rules.on_part(
        "w", {session, grant.range, grant.token, second * 10, "0123456789"}, desk.now));
    for (auto& one : desk.rules.on_tick(desk.now)) commands.push_back(one);
  }
  EXPECT_TRUE(sent<CancelRange>(commands, "w").empty());
  EXPECT_EQ(desk.rules.status(kJob).stages[0].workers, 1u);
}

TEST(Leases, PartsThatRepeatAreNoProgress) {
  Desk desk;
  desk.add_job(pose_ranges(1));
  const Commands joined = desk.join("w", 1);
  const SessionId session = session_in(joined, "w");
  const Grant grant = grants(joined, "w").at(0);
  Commands commands;
  for (int second = 0; second < 40; ++second) {
    desk.now += 1s;
    desk.rules.on_part("w", {session, grant.range, grant.token, 0, "0123"}, desk.now);
    for (auto& one : desk.rules.on_tick(desk.now)) commands.push_back(one);
  }
  EXPECT_EQ(sent<CancelRange>(commands, "w").size(), 1u);
}

TEST(Leases, FirstGrantsAreSharedBetweenSessions) {
  Desk desk;
  desk.join("a", 4);
  desk.join("b", 4);
  const Commands commands = desk.add_job(pose_ranges(4));
  EXPECT_EQ(grants(commands, "a").size(), 2u);
  EXPECT_EQ(grants(commands, "b").size(), 2u);
}

TEST(Leases, WhoHoldsLessComesFirst) {
  Desk desk;
  desk.join("a", 4);
  desk.add_job(pose_ranges(2));
  desk.join("b", 4);
  const Commands commands = desk.add_job({range(11, Stage::Pose, 0, 10, JobId{2})}, JobId{2});
  EXPECT_EQ(grants(commands, "b").size(), 1u);
}

TEST(Leases, OlderJobsAndEarlierFramesBeginAndThenJobsTakeTurns) {
  Desk desk;
  desk.add_job({range(11, Stage::Pose, 0, 10, JobId{2})}, JobId{2});
  desk.add_job(pose_ranges(2), JobId{1});
  std::vector<RangeId> order;
  for (const Grant& grant : grants(desk.join("w", 3), "w")) order.push_back(grant.range);
  EXPECT_EQ(order, (std::vector<RangeId>{RangeId{1}, RangeId{11}, RangeId{2}}));
}

TEST(Leases, AWorkerOfAnotherModelOrStageGetsNothing) {
  struct Case {
    const char* name;
    Stage role;
    const char* model;
    std::size_t grants;
  };
  for (const Case& one :
       {Case{"fits", Stage::Pose, kModel, 1}, Case{"model", Stage::Pose, "x", 0},
        Case{"no model", Stage::Pose, "", 0}, Case{"stage", Stage::Render, kModel, 0}}) {
    SCOPED_TRACE(one.name);
    Desk desk;
    desk.add_job(pose_ranges(1));
    Hello hello = hello_of("w");
    hello.role = one.role;
    hello.model_hash = one.model;
    EXPECT_EQ(grants(desk.say("w", hello), "w").size(), one.grants);
  }
}

// What a job's network computes in is part of its name; bodies are drawn the same either way.
TEST(Leases, AJobTakesPoseWorkersOfItsPrecisionAndAnyRenderWorkerOfItsModel) {
  struct Case {
    const char* name;
    Stage role;
    Precision worker;
    std::size_t grants;
  };
  for (const Case& one : {Case{"same precision", Stage::Pose, Precision::BFloat16, 1},
                          Case{"another precision", Stage::Pose, Precision::Float32, 0},
                          Case{"drawing", Stage::Render, Precision::Float32, 1}}) {
    SCOPED_TRACE(one.name);
    Desk desk;
    core::JobRecord job = job_record();
    job.model_hash = network_id(kModel, Precision::BFloat16);
    desk.rules.on_job_submitted(job, desk.now);
    desk.rules.on_probed(kJob, {range(1, one.role, 0, 10)}, {}, desk.now);
    Hello hello = hello_of("w");
    hello.role = one.role;
    hello.model_hash = network_id(kModel, one.worker);
    EXPECT_EQ(grants(desk.say("w", hello), "w").size(), one.grants);
  }
}

TEST(Leases, ASuspectSessionGetsNothingUntilItSpeaks) {
  Desk desk;
  const SessionId session = session_in(desk.join("w"), "w");
  desk.now += 2001ms;
  EXPECT_TRUE(grants(desk.add_job(pose_ranges(1)), "w").empty());
  EXPECT_EQ(grants(desk.say("w", Heartbeat{session, 2, {}}), "w").size(), 1u);
}

TEST(Leases, AGrantThatCouldNotBeSentGoesToAnotherWorkerWithoutCharge) {
  Desk desk;
  desk.add_job(pose_ranges(1));
  const Commands joined = desk.join("w", 1);
  const Grant grant = grants(joined, "w").at(0);
  EXPECT_TRUE(
      all<core::PersistFails>(desk.rules.on_grant_failed("w", grant, "full", desk.now)).empty());
  EXPECT_TRUE(grants(desk.tick_after(0ms), "w").empty());
  EXPECT_EQ(grants(desk.join("other", 1), "other").size(), 1u);
  // The first one lost no credit by it.
  const Heartbeat beat{session_in(joined, "w"), 1, {}};
  desk.rules.on_peer_lost("other", desk.now);
  desk.now += 200ms;
  EXPECT_EQ(grants(desk.say("w", beat), "w").size(), 1u);
}

TEST(Leases, AWorkerWhoseLeaseEndedGetsNothingWhileASoundOneIsThere) {
  Desk desk;
  desk.add_job(pose_ranges(1));
  const Commands joined = desk.join("hung", 4);
  const SessionId hung = session_in(joined, "hung");
  const Grant grant = grants(joined, "hung").at(0);
  const SessionId sound = session_in(desk.join("sound", 0), "sound");
  Commands commands;
  for (int second = 0; second < 35; ++second) {
    desk.say("sound", Heartbeat{sound, 0, {}});
    const auto more = desk.beat_for(1s, "hung", hung, 4, {executing(grant, 1)});
    commands.insert(commands.end(), more.begin(), more.end());
  }
  EXPECT_FALSE(sent<CancelRange>(commands, "hung").empty());
  EXPECT_TRUE(grants(commands, "hung").empty());
  EXPECT_EQ(grants(desk.say("sound", Heartbeat{sound, 1, {}}), "sound").size(), 1u);
}

TEST(Leases, AWorkerInTroubleThatMovesAgainIsLikeTheOthers) {
  Desk desk;
  desk.add_job(pose_ranges(2));
  const Commands joined = desk.join("w", 2);
  const SessionId session = session_in(joined, "w");
  const auto granted = grants(joined, "w");
  // The first one fails by the worker's fault, while a sound worker is there without room.
  const SessionId sound = session_in(desk.join("sound", 0), "sound");
  desk.say("w", Fail{session, granted[0].range, granted[0].token, FailClass::Worker, "no memory"});
  desk.now += 1s;
  desk.say("sound", Heartbeat{sound, 0, {}});
  EXPECT_TRUE(
      grants(desk.say("w", Heartbeat{session, 3, {executing(granted[1], 0)}}), "w").empty());
  EXPECT_EQ(grants(desk.say("w", Heartbeat{session, 3, {executing(granted[1], 1)}}), "w").size(),
            1u);
}

TEST(Leases, AWorkerInTroubleIsTriedAgainAfterTwoLeases) {
  Desk desk;
  desk.add_job(pose_ranges(1));
  const Commands joined = desk.join("w", 2);
  const SessionId session = session_in(joined, "w");
  const Grant grant = grants(joined, "w").at(0);
  const SessionId sound = session_in(desk.join("sound", 0), "sound");
  desk.say("w", Fail{session, grant.range, grant.token, FailClass::Worker, "no memory"});
  std::size_t granted = 0;
  int second = 0;
  while (granted == 0 && second < 100) {
    ++second;
    desk.say("sound", Heartbeat{sound, 0, {}});
    granted += grants(desk.beat_for(1s, "w", session, 2, {}), "w").size();
  }
  EXPECT_EQ(second, 60);
}

TEST(Leases, TheOnlyWorkerGoesOnAfterItsLeaseEnded) {
  Desk desk;
  desk.add_job(pose_ranges(1));
  const Commands joined = desk.join("w", 4);
  const Grant grant = grants(joined, "w").at(0);
  const auto commands = desk.beat_for(35s, "w", session_in(joined, "w"), 4, {executing(grant, 1)});
  EXPECT_EQ(grants(commands, "w").size(), 1u);
}

}  // namespace
}  // namespace posefleet::tests

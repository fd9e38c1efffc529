#include <gtest/gtest.h>

#include "tests/coordinator/core/desk.h"

namespace posefleet::tests {
namespace {

using core::Commands;

struct Granted {
  SessionId session{};
  Grant grant;
};

// A desk with one job of `count` pose ranges and a worker "w" that holds the first.
Granted give_one(Desk& desk, std::uint32_t count = 1) {
  desk.add_job(pose_ranges(count));
  const Commands joined = desk.join("w", 1);
  return {session_in(joined, "w"), grants(joined, "w").at(0)};
}

TEST(Results, AResultIsCommittedBeforeItIsAcknowledged) {
  Desk desk;
  const auto [session, grant] = give_one(desk);
  const Commands arrived = desk.finish("w", session, grant);
  ASSERT_EQ(all<core::CommitResult>(arrived).size(), 1u);
  EXPECT_TRUE(sent<ResultAck>(arrived, "w").empty());
  const Commands committed =
      desk.rules.on_committed("w", Desk::result_of(session, grant), desk.now);
  EXPECT_EQ(sent<ResultAck>(committed, "w"), (std::vector<ResultAck>{{grant.range, grant.token}}));
}

TEST(Results, ASecondCopyIsAcknowledgedAndDropped) {
  Desk desk;
  const auto [session, grant] = give_one(desk);
  desk.commit("w", session, grant);
  const Commands again = desk.finish("w", session, grant);
  EXPECT_TRUE(all<core::CommitResult>(again).empty());
  EXPECT_EQ(sent<ResultAck>(again, "w").size(), 1u);
  EXPECT_EQ(all<core::DropSpool>(again).size(), 1u);
}

TEST(Results, ACopyThatComesDuringTheCommitWaits) {
  Desk desk;
  const auto [session, grant] = give_one(desk);
  desk.finish("w", session, grant);
  const Commands meanwhile = desk.finish("w", session, grant);
  EXPECT_TRUE(all<core::CommitResult>(meanwhile).empty());
  EXPECT_TRUE(sent<ResultAck>(meanwhile, "w").empty());
}

TEST(Results, WhatDoesNotFitThePlanIsRefused) {
  struct Case {
    const char* name;
    void (*spoil)(ResultDone&);
  };
  for (const Case& one : {
           Case{"plan hash", [](ResultDone& result) { result.plan_hash = "another"; }},
           Case{"frames", [](ResultDone& result) { result.frames = 9; }},
           Case{"empty", [](ResultDone& result) { result.size = 0; }},
           Case{"size", [](ResultDone& result) { result.size = (256ULL << 20) + 1; }},
       }) {
    SCOPED_TRACE(one.name);
    Desk desk;
    const auto [session, grant] = give_one(desk);
    ResultDone result = Desk::result_of(session, grant);
    one.spoil(result);
    const Commands commands = desk.say("w", result);
    EXPECT_TRUE(all<core::CommitResult>(commands).empty());
    EXPECT_EQ(all<core::DropSpool>(commands).size(), 1u);
    // The worker's fault, not the range's.
    EXPECT_TRUE(all<core::PersistFails>(commands).empty());
    // The worker must not offer it for ever.
    EXPECT_EQ(sent<ResultAck>(commands, "w").size(), 1u);
  }
}

TEST(Results, IncompleteBytesAreAskedForAgain) {
  Desk desk;
  const auto [session, grant] = give_one(desk);
  const Commands commands =
      desk.rules.on_worker_message("w", Desk::result_of(session, grant), false, desk.now);
  EXPECT_EQ(sent<ResendResult>(commands, "w"),
            (std::vector<ResendResult>{{grant.range, grant.token}}));
  EXPECT_TRUE(all<core::CommitResult>(commands).empty());
  EXPECT_EQ(all<core::CommitResult>(desk.finish("w", session, grant)).size(), 1u);
}

TEST(Results, ALateResultOfAnEndedLeaseWinsWhileTheRangeIsOpen) {
  Desk desk;
  const auto [session, grant] = give_one(desk);
  desk.beat_for(31s, "w", session, 1, {executing(grant, 1)});
  desk.now += 1s;
  const Commands other = desk.join("other", 1);
  ASSERT_EQ(grants(other, "other").size(), 1u);
  const Commands late = desk.finish("w", session, grant);
  EXPECT_EQ(all<core::CommitResult>(late).size(), 1u);
  // Its present holder is told to stop.
  EXPECT_EQ(sent<CancelRange>(late, "other"),
            (std::vector<CancelRange>{{grant.range, grants(other, "other").at(0).token}}));
}

TEST(Results, AResultOfAnEarlierEpochWins) {
  Desk desk;
  const auto [session, grant] = give_one(desk);
  Grant old = grant;
  old.token = {3, 99};
  EXPECT_EQ(all<core::CommitResult>(desk.finish("w", session, old)).size(), 1u);
}

TEST(Results, ACommitThatFailsIsNotAcknowledgedAndLeavesTheRangeOpen) {
  Desk desk;
  const auto [session, grant] = give_one(desk);
  desk.finish("w", session, grant);
  const Commands failed =
      desk.rules.on_commit_failed("w", Desk::result_of(session, grant), "disk full", desk.now);
  EXPECT_TRUE(sent<ResultAck>(failed, "w").empty());
  EXPECT_EQ(desk.rules.status(kJob).stages[0].frames_done, 0u);
  // The worker offers it again, and now it can be stored.
  EXPECT_EQ(all<core::CommitResult>(desk.finish("w", session, grant)).size(), 1u);
}

TEST(Results, AnotherWorkerGetsARangeThatCouldNotBeStoredForTheTimeOfALease) {
  Desk desk;
  const auto [session, grant] = give_one(desk);
  desk.finish("w", session, grant);
  desk.rules.on_commit_failed("w", Desk::result_of(session, grant), "disk full", desk.now);
  EXPECT_TRUE(grants(desk.join("other", 1), "other").empty());
  desk.now += 30s;
  desk.rules.on_peer_lost("other", desk.now);
  EXPECT_EQ(grants(desk.join("third", 1), "third").size(), 1u);
}

TEST(Results, AResultThatNobodyKnowsIsAcknowledgedAndDropped) {
  Desk desk;
  const auto [session, grant] = give_one(desk);
  Grant unknown = grant;
  unknown.range = RangeId{4711};
  const Commands commands = desk.finish("w", session, unknown);
  EXPECT_EQ(sent<ResultAck>(commands, "w").size(), 1u);
  EXPECT_TRUE(all<core::CommitResult>(commands).empty());
}

TEST(Results, PartsAreTakenOnlyFromKnownSessionsForWantedRanges) {
  Desk desk;
  const auto [session, grant] = give_one(desk);
  const ResultPart good{session, grant.range, grant.token, 0, "bytes"};
  EXPECT_TRUE(desk.rules.on_part("w", good, desk.now));
  EXPECT_FALSE(desk.rules.on_part("stranger", good, desk.now));
  ResultPart part = good;
  part.session = SessionId{1};
  EXPECT_FALSE(desk.rules.on_part("w", part, desk.now));
  part = good;
  part.range = RangeId{4711};
  EXPECT_FALSE(desk.rules.on_part("w", part, desk.now));
  part = good;
  part.bytes.resize((1 << 20) + 1);
  EXPECT_FALSE(desk.rules.on_part("w", part, desk.now));
  part = good;
  part.offset = UINT64_MAX - 2;
  EXPECT_FALSE(desk.rules.on_part("w", part, desk.now));
  desk.commit("w", session, grant);
  EXPECT_FALSE(desk.rules.on_part("w", good, desk.now));
}

TEST(Results, AFailureIsChargedToTheRangeIfItsDataAreAtFault) {
  struct Case {
    FailClass fail_class;
    std::size_t charged;
  };
  for (const Case& one :
       {Case{FailClass::Data, 1}, Case{FailClass::Worker, 0}, Case{FailClass::Returned, 0}}) {
    SCOPED_TRACE(static_cast<int>(one.fail_class));
    Desk desk;
    const auto [session, grant] = give_one(desk);
    const Commands commands =
        desk.say("w", Fail{session, grant.range, grant.token, one.fail_class, "why"});
    EXPECT_EQ(all<core::PersistFails>(commands).size(), one.charged);
    desk.now += 1s;
    EXPECT_EQ(grants(desk.join("other", 1), "other").size(), 1u);
  }
}

TEST(Results, AFailureOfAnotherTokenIsNotHeard) {
  Desk desk;
  const auto [session, grant] = give_one(desk);
  const Fail stranger{session, grant.range, {1, 1}, FailClass::Data, "why"};
  EXPECT_TRUE(all<core::PersistFails>(desk.say("w", stranger)).empty());
  EXPECT_TRUE(grants(desk.join("other", 1), "other").empty());
}

TEST(Results, AWorkerThatGaveARangeBackGetsNoMore) {
  Desk desk;
  desk.add_job(pose_ranges(1));
  const Commands joined = desk.join("w", 5);
  const Grant grant = grants(joined, "w").at(0);
  const Fail fail{session_in(joined, "w"), grant.range, grant.token, FailClass::Returned,
                  "leaving"};
  EXPECT_TRUE(grants(desk.say("w", fail), "w").empty());
  EXPECT_TRUE(grants(desk.tick_after(1s), "w").empty());
}

TEST(Results, ABrokenWorkerDoesNotFailTheJobWhileASoundOneIsThere) {
  Desk desk;
  desk.add_job(pose_ranges(1));
  const Commands joined = desk.join("broken", 9);
  const SessionId session = session_in(joined, "broken");
  const SessionId sound = session_in(desk.join("sound", 0), "sound");
  const Grant grant = grants(joined, "broken").at(0);
  desk.say("broken", Fail{session, grant.range, grant.token, FailClass::Worker, "out of memory"});
  desk.now += 1s;
  EXPECT_TRUE(grants(desk.say("broken", Heartbeat{session, 9, {}}), "broken").empty());
  EXPECT_EQ(grants(desk.say("sound", Heartbeat{sound, 1, {}}), "sound").size(), 1u);
}

TEST(Results, TroubleOfWorkersAgainAndAgainEndsTheJobWithAMessage) {
  Desk desk;
  desk.add_job(pose_ranges(2));
  Commands last = desk.join("w", 100);
  const SessionId session = session_in(last, "w");
  Grant grant = grants(last, "w").at(0);
  for (int fail = 1; fail <= 3; ++fail) {
    last = desk.say("w", Fail{session, grant.range, grant.token, FailClass::Worker, "no memory"});
    if (fail == 3) break;
    EXPECT_FALSE(desk.rules.is_idle());
    const Commands after = desk.beat_for(2s, "w", session, 100, {});
    ASSERT_EQ(grants(after, "w").size(), 1u);
    grant = grants(after, "w").at(0);
  }
  const core::JobRecord& job = *desk.rules.find_job(kJob);
  EXPECT_EQ(job.state, JobState::Failed);
  EXPECT_EQ(job.error,
            "pose range of job 1, frames 0 to 9 could not be computed 3 times, last: w says: no "
            "memory");
  EXPECT_EQ(all<core::PersistJob>(last).size(), 1u);
  EXPECT_EQ(all<core::ReleaseJob>(last).size(), 1u);
  // The job's other range is taken from its worker.
  ASSERT_EQ(sent<CancelRange>(last, "w").size(), 1u);
  EXPECT_EQ(sent<CancelRange>(last, "w").at(0).range, RangeId{2});
  EXPECT_TRUE(desk.rules.is_idle());
}

TEST(Results, AFailedRangeWaitsLongerEachTime) {
  Desk desk;
  desk.add_job(pose_ranges(1));
  const Commands joined = desk.join("w", 100);
  const SessionId session = session_in(joined, "w");
  Grant grant = grants(joined, "w").at(0);
  for (const auto backoff : {200ms, 400ms}) {
    SCOPED_TRACE(backoff.count());
    const Fail fail{session, grant.range, grant.token, FailClass::Data, "why"};
    EXPECT_TRUE(grants(desk.say("w", fail), "w").empty());
    EXPECT_TRUE(grants(desk.tick_after(backoff - 1ms), "w").empty());
    const Commands after = desk.tick_after(1ms);
    ASSERT_EQ(grants(after, "w").size(), 1u);
    grant = grants(after, "w").at(0);
  }
}

}  // namespace
}  // namespace posefleet::tests

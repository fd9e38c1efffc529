#include <gtest/gtest.h>

#include "tests/coordinator/core/desk.h"

namespace posefleet::tests {
namespace {

using core::Commands;

// A worker's Hello on a new connection, with what it holds.
Hello comeback(const std::string& worker, const std::vector<HeldLease>& held,
               std::uint64_t credit = 2) {
  Hello hello = hello_of(worker, credit);
  hello.held = held;
  return hello;
}

TEST(Sessions, HelloIsAnsweredByWelcomeWithTheLimits) {
  core::Settings settings;
  settings.part_bytes_max = 100;
  settings.result_bytes_max = 1000;
  settings.heartbeat = 700ms;
  Desk desk(settings, 9);
  const auto welcomes = sent<Welcome>(desk.join("w"), "w");
  ASSERT_EQ(welcomes.size(), 1u);
  EXPECT_NE(welcomes[0].session, SessionId{});
  EXPECT_EQ(welcomes[0].epoch, 9u);
  EXPECT_EQ(welcomes[0].heartbeat_ms, 700u);
  EXPECT_EQ(welcomes[0].part_bytes_max, 100u);
  EXPECT_EQ(welcomes[0].result_bytes_max, 1000u);
}

TEST(Sessions, ARepeatedHelloGetsTheSameSession) {
  Desk desk;
  const SessionId session = session_in(desk.join("w"), "w");
  EXPECT_EQ(session_in(desk.join("w"), "w"), session);
}

TEST(Sessions, ARepeatedHelloCountsAsAWord) {
  Desk desk;
  desk.add_job(pose_ranges(1));
  const SessionId session = session_in(desk.join("w"), "w");
  for (int second = 0; second < 8; ++second) {
    desk.now += 1s;
    EXPECT_EQ(session_in(desk.join("w"), "w"), session);
    desk.rules.on_tick(desk.now);
  }
}

TEST(Sessions, EachNewConnectionGetsANewSession) {
  Desk desk;
  const SessionId first = session_in(desk.join("a"), "a");
  const SessionId second = session_in(desk.join("b"), "b");
  EXPECT_NE(first, second);
}

TEST(Sessions, AnotherProtocolVersionIsRefusedWithBothVersions) {
  Desk desk;
  Hello hello = hello_of("w");
  hello.protocol_version = 99;
  const auto refused = sent<Refused>(desk.say("w", hello), "w");
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].reason,
            "this coordinator speaks protocol version 1, the worker 99: install equal versions");
}

TEST(Sessions, NoMoreThanTheMaximumJoin) {
  core::Settings settings;
  settings.sessions_max = 2;
  Desk desk(settings);
  desk.join("a");
  desk.join("b");
  EXPECT_EQ(sent<Refused>(desk.join("c"), "c").size(), 1u);
  desk.rules.on_peer_lost("a", desk.now);
  EXPECT_EQ(sent<Welcome>(desk.join("c"), "c").size(), 1u);
}

TEST(Sessions, AWorkerThatComesBackTakesItsOwnPlace) {
  core::Settings settings;
  settings.sessions_max = 1;
  Desk desk(settings);
  desk.join("w");
  const Commands back = desk.say("w-second-socket", hello_of("w"));
  EXPECT_TRUE(sent<Refused>(back, "w-second-socket").empty());
  EXPECT_EQ(sent<Welcome>(back, "w-second-socket").size(), 1u);
}

TEST(Sessions, WordsOfAnUnknownSessionAreAnsweredSo) {
  Desk desk;
  desk.join("w");
  const SessionId wrong{12345};
  for (const WorkerMessage& message :
       {WorkerMessage{Heartbeat{wrong, 1, {}}}, WorkerMessage{ResultDone{wrong}},
        WorkerMessage{Fail{wrong}}, WorkerMessage{Bye{wrong}}}) {
    SCOPED_TRACE(message.index());
    EXPECT_EQ(sent<UnknownSession>(desk.say("w", message), "w").size(), 1u);
    EXPECT_EQ(sent<UnknownSession>(desk.say("stranger", message), "stranger").size(), 1u);
  }
}

TEST(Sessions, TheEndOfASessionGivesItsRangesToOthers) {
  struct Case {
    const char* name;
    void (*end)(Desk&, SessionId);
  };
  for (const Case& one : {
           Case{"missed beats", [](Desk&desk, SessionId) { desk.tick_after(6001ms); }},
           Case{"connection", [](Desk&desk, SessionId) { desk.rules.on_peer_lost("w", desk.now); }},
           Case{"goodbye", [](Desk&desk, SessionId session) { desk.say("w", Bye{session}); }},
           Case{"new process",
                [](Desk&desk, SessionId) {
                  Hello hello = hello_of("w", 0);
                  hello.incarnation = 77;
                  desk.say("w", hello);
                }},
       }) {
    SCOPED_TRACE(one.name);
    Desk desk;
    desk.add_job(pose_ranges(2));
    const SessionId session = session_in(desk.join("w", 2), "w");
    one.end(desk, session);
    EXPECT_EQ(sent<UnknownSession>(desk.say("w", Heartbeat{session, 2, {}}), "w").size(), 1u);
    // The older of the two may be what killed it: it waits a little, and then runs alone.
    desk.now += 200ms;
    EXPECT_EQ(
        grants(desk.join("other"), "other").size() + grants(desk.join("third"), "third").size(),
        2u);
  }
}

TEST(Sessions, ADeathBeforeTheFirstHeartbeatIsChargedToTheOldestGrant) {
  Desk desk;
  desk.add_job(pose_ranges(2));
  const auto granted = grants(desk.join("w", 2), "w");
  desk.rules.on_peer_lost("w", desk.now);
  const auto fails = all<core::PersistFails>(desk.tick_after(6000ms));
  ASSERT_EQ(fails.size(), 1u);
  EXPECT_EQ(fails[0].range, granted[0].range);
}

TEST(Sessions, ADeathIsChargedToTheExecutingRangeOnly) {
  Desk desk;
  desk.add_job(pose_ranges(2));
  const Commands joined = desk.join("w", 2);
  const auto granted = grants(joined, "w");
  desk.say("w",
           Heartbeat{session_in(joined, "w"), 2, {executing(granted[0], 3), waiting(granted[1])}});
  // Not at once: a cut connection looks the same.
  EXPECT_TRUE(all<core::PersistFails>(desk.rules.on_peer_lost("w", desk.now)).empty());
  EXPECT_TRUE(all<core::PersistFails>(desk.tick_after(5999ms)).empty());
  const auto fails = all<core::PersistFails>(desk.tick_after(1ms));
  ASSERT_EQ(fails.size(), 1u);
  EXPECT_EQ(fails[0].range, granted[0].range);
  EXPECT_EQ(fails[0].fails, 1u);
}

TEST(Sessions, ACutConnectionIsNoDeathIfTheWorkerComesBackWithTheRange) {
  struct Case {
    const char* name;
    std::uint64_t incarnation;  // 0: the same
    bool holds_it;
    std::size_t fails;
  };
  for (const Case& one : {Case{"with the range", 0, true, 0}, Case{"without it", 0, false, 1},
                          Case{"another process", 5, false, 1}}) {
    SCOPED_TRACE(one.name);
    Desk desk;
    desk.add_job(pose_ranges(1));
    const Commands joined = desk.join("w", 1);
    const HeldLease held = executing(grants(joined, "w").at(0), 3);
    desk.say("w", Heartbeat{session_in(joined, "w"), 1, {held}});
    desk.rules.on_peer_lost("w", desk.now);
    desk.now += 100ms;
    Hello hello = comeback("w", {}, 0);
    if (one.holds_it) hello.held = {held};
    if (one.incarnation != 0) hello.incarnation = one.incarnation;
    const Commands back = desk.say("socket2", hello);
    if (one.holds_it) {
      EXPECT_TRUE(sent<Welcome>(back, "socket2").at(0).drop.empty());
    }
    EXPECT_EQ(all<core::PersistFails>(desk.tick_after(6000ms)).size(), one.fails);
  }
}

TEST(Sessions, ANewSocketOfTheSameProcessKeepsItsLeasesWithoutCharge) {
  Desk desk;
  desk.add_job(pose_ranges(2));
  const Commands joined = desk.join("w", 2);
  const auto granted = grants(joined, "w");
  const std::vector<HeldLease> held = {executing(granted[0], 3), waiting(granted[1])};
  desk.say("w", Heartbeat{session_in(joined, "w"), 2, held});
  const Commands back = desk.say("socket2", comeback("w", held));
  EXPECT_TRUE(all<core::PersistFails>(back).empty());
  ASSERT_EQ(sent<Welcome>(back, "socket2").size(), 1u);
  EXPECT_TRUE(sent<Welcome>(back, "socket2")[0].drop.empty());
  EXPECT_EQ(desk.rules.status(kJob).retries, 0u);
  EXPECT_TRUE(grants(desk.join("other"), "other").empty());
}

TEST(Sessions, WhatANewSocketNoLongerHoldsGoesBack) {
  Desk desk;
  desk.add_job(pose_ranges(2));
  const Commands joined = desk.join("w", 2);
  const auto granted = grants(joined, "w");
  desk.say("socket2", comeback("w", {waiting(granted[0])}, 1));
  const Commands other = desk.join("other");
  ASSERT_EQ(grants(other, "other").size(), 1u);
  EXPECT_EQ(grants(other, "other")[0].range, granted[1].range);
}

TEST(Sessions, HeldLeasesAreAdoptedAfterARestart) {
  Desk desk({}, 8);
  desk.rules.restore_job(job_record(kJob, JobState::Running), pose_ranges(2));
  desk.rules.on_start(desk.now);
  const HeldLease held{RangeId{1}, {7, 5}, 4, true};
  const Commands joined = desk.say("w", comeback("w", {held}));
  EXPECT_TRUE(sent<Welcome>(joined, "w").at(0).drop.empty());
  ASSERT_EQ(grants(joined, "w").size(), 1u);
  EXPECT_EQ(grants(joined, "w")[0].range, RangeId{2});
  EXPECT_EQ(desk.rules.status(kJob).stages[0].frames_done, 4u);
}

TEST(Sessions, WhatIsNotWantedFromAWorkerIsDroppedByItsWelcome) {
  struct Case {
    const char* name;
    HeldLease held;
  };
  Desk desk({}, 8);
  auto ranges = pose_ranges(3);
  ranges[0].is_committed = true;
  ranges.push_back(range(9, Stage::Render, 0, 30));
  desk.rules.restore_job(job_record(kJob, JobState::Running), ranges);
  desk.rules.on_start(desk.now);
  desk.join("other", 1);  // holds range 2
  int number = 0;
  for (const Case& one : {Case{"committed", {RangeId{1}, {7, 1}, 0, true}},
                          Case{"somebody else's", {RangeId{2}, {7, 2}, 0, true}},
                          Case{"unknown", {RangeId{99}, {7, 3}, 0, true}},
                          Case{"of a later epoch", {RangeId{3}, {9, 3}, 0, true}},
                          Case{"blocked", {RangeId{9}, {7, 3}, 0, true}}}) {
    SCOPED_TRACE(one.name);
    const std::string peer = "w" + std::to_string(++number);
    for (int repeated = 0; repeated < 2; ++repeated) {
      const Commands joined = desk.say(peer, comeback(peer, {one.held}, 1));
      EXPECT_EQ(sent<Welcome>(joined, peer).at(0).drop,
                (std::vector<ResultId>{{one.held.range, one.held.token}}));
      // It takes room in the worker until that has heard the Welcome.
      EXPECT_TRUE(grants(joined, peer).empty());
    }
  }
}

TEST(Sessions, UnacknowledgedResultsTakeCredit) {
  Desk desk;
  desk.add_job(pose_ranges(3));
  Hello hello = hello_of("w", 2);
  hello.unacknowledged = {{RangeId{50}, {1, 1}}};
  EXPECT_EQ(grants(desk.say("w", hello), "w").size(), 1u);
}

TEST(Sessions, ARevokedKeysRangesGoToOthersUncharged) {
  Desk desk;
  desk.add_job(pose_ranges(1));
  Hello hello = hello_of("w");
  hello.key_name = "gpu-1";
  const Commands joined = desk.say("w", hello);
  EXPECT_NE(all<core::LogLine>(joined).at(0).text.find("key gpu-1"), std::string::npos);
  const auto granted = grants(joined, "w");
  ASSERT_EQ(granted.size(), 1u);
  desk.say("w", Heartbeat{session_in(joined, "w"), 2, {{RangeId{1}, granted[0].token, 3, true}}});
  desk.join("other");
  const Commands commands = desk.rules.on_key_revoked("w", desk.now);
  EXPECT_TRUE(all<core::PersistFails>(commands).empty());
  ASSERT_EQ(all<core::SendGrant>(commands).size() + grants(desk.tick_after(1s), "other").size(),
            1u);
  EXPECT_NE(all<core::LogLine>(commands).at(0).text.find("its key gpu-1 was revoked"),
            std::string::npos);
  // Whoever is not there cannot be sent away.
  EXPECT_TRUE(desk.rules.on_key_revoked("w", desk.now).empty());
}

TEST(Sessions, NobodyTakesOverTheSessionOfAnotherKey) {
  Desk desk;
  desk.add_job(pose_ranges(1));
  Hello hello = hello_of("w");
  hello.key_name = "gpu-1";
  const Commands joined = desk.say("w", hello);
  const auto granted = grants(joined, "w");
  ASSERT_EQ(granted.size(), 1u);
  Hello copy = hello;
  copy.key_name = "gpu-2";
  copy.held = {{RangeId{1}, granted[0].token, 0, true}};
  const Commands second = desk.say("elsewhere", copy);
  // What it says to hold is not its own, and the session of the first goes on.
  EXPECT_EQ(sent<Welcome>(second, "elsewhere").at(0).drop.size(), 1u);
  const Commands beat = desk.say(
      "w", Heartbeat{session_in(joined, "w"), 2, {{RangeId{1}, granted[0].token, 1, true}}});
  EXPECT_TRUE(sent<UnknownSession>(beat, "w").empty());
}

TEST(Sessions, OfTwoResultSizesTheSmallerHolds) {
  core::Settings settings;
  settings.result_bytes_max = 1000;
  struct Case {
    std::uint64_t workers, agreed;
  };
  for (const Case& one : {Case{0, 1000}, Case{999, 999}, Case{1001, 1000}}) {
    SCOPED_TRACE(one.workers);
    Desk desk(settings);
    desk.add_job(pose_ranges(1));
    Hello hello = hello_of("w");
    hello.result_bytes_max = one.workers;
    const Commands joined = desk.say("w", hello);
    ASSERT_EQ(sent<Welcome>(joined, "w").at(0).result_bytes_max, one.agreed);
    ResultDone result = Desk::result_of(session_in(joined, "w"), grants(joined, "w").at(0));
    result.size = one.agreed + 1;
    const Commands refused = desk.say("w", result);
    EXPECT_TRUE(all<core::CommitResult>(refused).empty());
    EXPECT_NE(all<core::LogLine>(refused).at(0).text.find(
                  std::to_string(result.size) + " bytes of at most " + std::to_string(one.agreed)),
              std::string::npos);
    result.size = one.agreed;
    EXPECT_EQ(all<core::CommitResult>(desk.say("w", result)).size(), 1u);
  }
}

TEST(Sessions, ARangeThatAWorkerCannotTakeGoesToOneThatCan) {
  Desk desk;
  Hello hello = hello_of("small", 1);
  hello.host = "a";
  hello.task_bytes_max = 100;
  const SessionId small = session_in(desk.say("small", hello), "small");
  const auto first = all<core::SendGrant>(desk.add_job(pose_ranges(1))).at(0);
  EXPECT_EQ(first.task_bytes_max, 100u);
  hello = hello_of("large", 1);
  hello.host = "b";
  desk.say("large", hello);
  const Commands refused = desk.rules.on_grant_too_large("small", first.grant, 101, desk.now);
  EXPECT_NE(all<core::LogLine>(refused).at(0).text.find(
                "small takes tasks of at most 100 bytes, this one has 101"),
            std::string::npos);
  EXPECT_EQ(desk.rules.leases_of(first.grant.range), 0u);
  // Nothing for the small one while the other is there, which gets it after the pause.
  const Commands later = desk.tick_after(200ms);
  ASSERT_EQ(grants(later, "large").size(), 1u);
  EXPECT_EQ(all<core::SendGrant>(later)[0].task_bytes_max, 0u);
  EXPECT_TRUE(grants(later, "small").empty());
  // The grant never left: it took no credit. Told of twice, it is one.
  desk.rules.on_peer_lost("large", desk.now);
  EXPECT_TRUE(desk.rules.on_grant_too_large("elsewhere", first.grant, 101, desk.now).empty());
  EXPECT_EQ(grants(desk.beat_for(9s, "small", small, 1, {}), "small").size(), 1u);
}

TEST(Sessions, ARangeThatNobodyCanTakeIsCutIntoHalves) {
  Desk desk;
  Hello hello = hello_of("w", 1);
  hello.task_bytes_max = 100;
  const SessionId session = session_in(desk.say("w", hello), "w");
  Commands commands = desk.add_job({range(1, Stage::Pose, 0, 16)});
  std::vector<FrameRange> fitted;
  for (int turn = 0; turn < 100 && fitted.size() < 2; ++turn) {
    Commands next;
    for (const Grant& grant : grants(commands, "w")) {
      // As if each frame took ten bytes.
      const std::uint64_t bytes = 10 * grant.frames.size();
      if (bytes > 100) {
        next = desk.follow(desk.rules.on_grant_too_large("w", grant, bytes, desk.now));
      } else {
        fitted.push_back(grant.frames);
        desk.commit("w", session, grant);
        next = desk.say("w", Heartbeat{session, 1 + fitted.size(), {}});
      }
    }
    for (auto& one : desk.tick_after(1s)) next.push_back(one);
    desk.say("w", Heartbeat{session, 1 + fitted.size(), {}});
    commands = std::move(next);
  }
  EXPECT_EQ(fitted, (std::vector<FrameRange>{{0, 8}, {8, 16}}));
}

TEST(Sessions, AHelloThatListsARangeTwiceHoldsItOnce) {
  Desk desk;
  desk.add_job(pose_ranges(1));
  const Grant grant = grants(desk.join("w", 2), "w").at(0);
  const Commands back =
      desk.say("socket2", comeback("w", {executing(grant, 1), executing(grant, 1)}));
  EXPECT_TRUE(sent<Welcome>(back, "socket2").at(0).drop.empty());
  EXPECT_EQ(desk.rules.leases_of(grant.range), 1u);
}

TEST(Sessions, WhateverCreditASessionClaimsItHoldsNoMoreThanTheLimit) {
  core::Settings settings;
  settings.leases_max = 3;
  Desk desk(settings);
  desk.add_job(pose_ranges(10));
  EXPECT_EQ(grants(desk.join("w", ~std::uint64_t{0}), "w").size(), 3u);
}

}  // namespace
}  // namespace posefleet::tests

// Who gets how much: shares of jobs, caps, second leases, and time that is too long.
#include <gtest/gtest.h>

#include "common/base/random.h"
#include "tests/coordinator/core/desk.h"

namespace posefleet::tests {
namespace {

using core::Commands;

// `count` pose ranges of `frames` frames for a job, numbered from `id`.
std::vector<core::RangeRecord> ranges_of(JobId job, std::uint64_t id, std::uint32_t count,
                                         std::uint32_t frames = 10) {
  std::vector<core::RangeRecord> ranges;
  for (std::uint32_t i = 0; i < count; ++i) {
    ranges.push_back(range(id + i, Stage::Pose, frames * i, frames * (i + 1), job));
  }
  return ranges;
}

void add_job(Desk& desk, std::uint64_t id, std::uint32_t priority, std::uint32_t count,
             std::uint32_t workers_max = 0) {
  core::JobRecord job = job_record(JobId{id});
  job.priority = priority;
  job.workers_max = workers_max;
  desk.rules.on_job_submitted(job, desk.now);
  desk.rules.on_probed(JobId{id}, ranges_of(JobId{id}, 1000 * id, count), {}, desk.now);
}

std::vector<std::uint64_t> jobs_of(const Commands& commands) {
  std::vector<std::uint64_t> jobs;
  for (const auto& grant : all<core::SendGrant>(commands)) jobs.push_back(number(grant.job));
  return jobs;
}

// One worker that holds as many ranges as there are: what is granted next is then a matter of
// shares alone.
core::Settings without_a_cap() {
  core::Settings settings;
  settings.leases_max = 1'000'000;
  return settings;
}

TEST(Shares, JobsShareByTheirPriorityWithinOneGrant) {
  struct Case {
    std::uint32_t first, second;
  };
  for (const Case& one : {Case{10, 30}, Case{1, 3}, Case{30, 10}, Case{10, 10}, Case{7, 50},
                          Case{1, 99}, Case{33, 99}}) {
    SCOPED_TRACE(std::to_string(one.first) + " to " + std::to_string(one.second));
    Desk desk(without_a_cap());
    add_job(desk, 1, one.first, 500);
    add_job(desk, 2, one.second, 500);
    double granted[2] = {0, 0};
    for (const std::uint64_t job : jobs_of(desk.join("w", 400))) {
      granted[job - 1] += 1;
      const double all = granted[0] + granted[1];
      const double due = all * one.first / (one.first + one.second);
      ASSERT_NEAR(granted[0], due, 1.0) << all << " grants";
    }
    EXPECT_EQ(granted[0] + granted[1], 400);
  }
}

TEST(Shares, AShareIsOfFramesNotOfRanges) {
  Desk desk;
  desk.rules.on_job_submitted(job_record(JobId{1}), desk.now);
  desk.rules.on_job_submitted(job_record(JobId{2}), desk.now);
  desk.rules.on_probed(JobId{1}, ranges_of(JobId{1}, 1000, 50, 40), {}, desk.now);
  desk.rules.on_probed(JobId{2}, ranges_of(JobId{2}, 2000, 50, 10), {}, desk.now);
  const auto jobs = jobs_of(desk.join("w", 50));
  EXPECT_EQ(std::count(jobs.begin(), jobs.end(), 1u), 10);
  EXPECT_EQ(std::count(jobs.begin(), jobs.end(), 2u), 40);
}

TEST(Shares, TheHighestPriorityGoesFirstAndTheLowestLast) {
  Desk desk;
  add_job(desk, 1, 0, 2);
  add_job(desk, 2, 99, 2);
  add_job(desk, 3, 100, 2);
  add_job(desk, 4, 1, 1);
  EXPECT_EQ(jobs_of(desk.join("w", 7)), (std::vector<std::uint64_t>{3, 3, 2, 4, 2, 1, 1}));
}

TEST(Shares, AJobThatComesLaterCatchesUpNothing) {
  Desk desk;
  add_job(desk, 1, 10, 100);
  const Commands joined = desk.join("w", 50);
  EXPECT_EQ(jobs_of(joined).size(), 50u);
  add_job(desk, 2, 10, 100);
  const auto jobs = jobs_of(desk.say("w", Heartbeat{session_in(joined, "w"), 70, {}}));
  EXPECT_EQ(std::count(jobs.begin(), jobs.end(), 1u), 10);
  EXPECT_EQ(std::count(jobs.begin(), jobs.end(), 2u), 10);
}

TEST(Shares, NobodyStarvesWhateverComesAndGoes) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Desk desk(without_a_cap());
    add_job(desk, 1, 1, 20);  // the least weight of all
    std::uint64_t next_job = 2;
    std::uint64_t credit = 1;
    Commands commands = desk.join("w", credit);
    const SessionId session = session_in(commands, "w");
    std::uint32_t mine = 0;
    int grants_until_done = 0;
    // Others of any weight come all the time, so that there is always something else to do.
    for (int turn = 0; mine < 20 && turn < 20'000; ++turn) {
      for (const std::uint64_t job : jobs_of(commands)) {
        ++grants_until_done;
        if (job == 1) ++mine;
      }
      if (random.chance(0.3)) {
        add_job(desk, next_job++, 1 + static_cast<std::uint32_t>(random.below(99)),
                1 + static_cast<std::uint32_t>(random.below(5)));
      }
      commands = desk.say("w", Heartbeat{session, ++credit, {}});
    }
    EXPECT_EQ(mine, 20u) << grants_until_done;
  }
}

TEST(Shares, AJobHasNoMoreWorkersThanItsCap) {
  Desk desk;
  add_job(desk, 1, 10, 20, 2);
  std::map<std::string, SessionId> sessions;
  for (const char* peer : {"a", "b", "c", "d"}) {
    sessions[peer] = session_in(desk.join(peer, 0), peer);
  }
  std::size_t workers = 0;
  Grant first;
  for (const auto& [peer, session] : sessions) {
    const auto given = grants(desk.say(peer, Heartbeat{session, 3, {}}), peer);
    if (!given.empty()) {
      ++workers;
      EXPECT_EQ(given.size(), 3u);
    }
    if (peer == "a") first = given.at(0);
  }
  EXPECT_EQ(workers, 2u);
  // Who leaves makes room.
  const Commands left = desk.rules.on_peer_lost("a", desk.now);
  EXPECT_EQ(grants(left, "c").size(), 3u);
  EXPECT_TRUE(grants(left, "d").empty());
  // Another job is not held up by it.
  add_job(desk, 2, 10, 20);
  EXPECT_EQ(jobs_of(desk.say("d", Heartbeat{sessions["d"], 4, {}})),
            (std::vector<std::uint64_t>{2}));
}

TEST(Shares, AFullCapPassesOverThoseWhoHoldNothing) {
  Desk desk;
  add_job(desk, 1, 10, 20, 1);
  const SessionId session = session_in(desk.join("z", 2), "z");
  for (int i = 0; i < 10; ++i)
    EXPECT_TRUE(grants(desk.join("idle" + std::to_string(i), 3), "z").empty());
  EXPECT_EQ(grants(desk.say("z", Heartbeat{session, 5, {}}), "z").size(), 3u);
}

TEST(Shares, WhoHasFewestLeasesIsServedFirst) {
  Desk desk;
  const SessionId a = session_in(desk.join("a", 2), "a");
  desk.join("b", 6);
  EXPECT_EQ(grants(desk.add_job(pose_ranges(5)), "b").size(), 3u);
  desk.rules.hold_grants();
  desk.say("a", Heartbeat{a, 6, {}});
  desk.add_job(std::vector<core::RangeRecord>{range(50, Stage::Pose, 0, 10, JobId{2}),
                                              range(51, Stage::Pose, 10, 20, JobId{2}),
                                              range(52, Stage::Pose, 20, 30, JobId{2})},
               JobId{2});
  // Two and three: the first makes it three and three.
  const Commands more = desk.rules.release_grants(desk.now);
  EXPECT_EQ(grants(more, "a").size(), 2u);
  EXPECT_EQ(grants(more, "b").size(), 1u);
}

// ---- stragglers ---------------------------------------------------------------------------------

struct Straggler {
  Desk desk;
  SessionId slow{}, idle{};
  Grant grant;
};

// Worker "slow" on host "a" executes the last range of a job since now, when four ranges have taken
// a second each; "idle" waits on `idle_host`.
Straggler straggler(const std::string& idle_host, core::Settings settings = {}) {
  Straggler made{.desk = Desk(settings)};
  Desk& desk = made.desk;
  Hello hello = hello_of("slow", 1);
  hello.host = "a";
  Commands last = desk.say("slow", hello);
  made.slow = session_in(last, "slow");
  hello = hello_of("idle", 0);
  hello.host = idle_host;
  made.idle = session_in(desk.say("idle", hello), "idle");
  last = desk.add_job(pose_ranges(5));
  for (std::uint64_t credit = 1; credit <= 5; ++credit) {
    made.grant = grants(last, "slow").at(0);
    desk.say("slow", Heartbeat{made.slow, credit, {executing(made.grant, 0)}});
    desk.say("idle", Heartbeat{made.idle, 0, {}});
    if (credit == 5) break;
    desk.now += 1s;
    desk.commit("slow", made.slow, made.grant);
    last = desk.say("slow", Heartbeat{made.slow, credit + 1, {}});
  }
  desk.say("idle", Heartbeat{made.idle, 3, {}});
  return made;
}

TEST(Stragglers, AreComputedASecondTimeOnAnotherHostBeyondOneAndAHalfTimesTheUsual) {
  struct Case {
    const char* name;
    const char* host;
    std::chrono::milliseconds after;
    std::size_t copies;
  };
  for (const Case& one : {Case{"not yet", "b", 1500ms, 0}, Case{"now", "b", 1501ms, 1},
                          Case{"same host", "a", 1900ms, 0}}) {
    SCOPED_TRACE(one.name);
    Straggler made = straggler(one.host);
    const auto copies = grants(made.desk.tick_after(one.after), "idle");
    ASSERT_EQ(copies.size(), one.copies);
    if (one.copies == 0) continue;
    EXPECT_EQ(copies[0].range, made.grant.range);
    EXPECT_GT(copies[0].token, made.grant.token);
  }
}

TEST(Stragglers, HaveOneCopy) {
  Straggler made = straggler("b");
  Desk& desk = made.desk;
  Hello third = hello_of("third", 2);
  third.host = "c";
  desk.say("third", third);
  const Commands ticked = desk.tick_after(1600ms);
  EXPECT_EQ(all<core::SendGrant>(ticked).size(), 1u);
  EXPECT_TRUE(all<core::SendGrant>(desk.tick_after(100ms)).empty());
}

TEST(Stragglers, TheFirstResultWinsAndTheOtherIsCancelled) {
  for (const bool copy_wins : {true, false}) {
    SCOPED_TRACE(copy_wins);
    Straggler made = straggler("b");
    Desk& desk = made.desk;
    const Grant copy = grants(desk.tick_after(1600ms), "idle").at(0);
    const std::string winner = copy_wins ? "idle" : "slow";
    const std::string loser = copy_wins ? "slow" : "idle";
    const Commands done =
        desk.finish(winner, copy_wins ? made.idle : made.slow, copy_wins ? copy : made.grant);
    EXPECT_EQ(all<core::CommitResult>(done).size(), 1u);
    EXPECT_EQ(sent<CancelRange>(done, loser),
              (std::vector<CancelRange>{{copy.range, copy_wins ? made.grant.token : copy.token}}));
    EXPECT_TRUE(sent<CancelRange>(done, winner).empty());
  }
}

TEST(Stragglers, OneOfTwoThatFailsLeavesTheOtherAlone) {
  Straggler made = straggler("b");
  Desk& desk = made.desk;
  const Grant copy = grants(desk.tick_after(1600ms), "idle").at(0);
  const Commands failed =
      desk.say("idle", Fail{made.idle, copy.range, copy.token, FailClass::Data, "x"});
  EXPECT_EQ(all<core::PersistFails>(failed).size(), 1u);
  EXPECT_TRUE(sent<CancelRange>(failed, "slow").empty());
  EXPECT_TRUE(grants(desk.join("other", 0), "other").empty());
  EXPECT_EQ(all<core::CommitResult>(desk.finish("slow", made.slow, made.grant)).size(), 1u);
}

TEST(Stragglers, TheirFramesCountOnce) {
  Straggler made = straggler("b");
  Desk& desk = made.desk;
  const Grant copy = grants(desk.tick_after(1600ms), "idle").at(0);
  desk.say("slow", Heartbeat{made.slow, 5, {executing(made.grant, 9)}});
  desk.say("idle", Heartbeat{made.idle, 3, {executing(copy, 8)}});
  EXPECT_EQ(desk.rules.status(kJob).stages[0].frames_done, 49u);
}

// ---- time ---------------------------------------------------------------------------------------

TEST(Time, ARangeThatMovesForEverEndsAtTheMaximumWithItsNumber) {
  core::Settings settings;
  settings.range_time_max = 60s;
  Desk desk(settings);
  desk.add_job(pose_ranges(1));
  const Commands joined = desk.join("w", 1);
  const Grant grant = grants(joined, "w").at(0);
  Commands commands;
  std::uint32_t steps = 0;
  while (sent<CancelRange>(commands, "w").empty() && steps < 100) {
    HeldLease held = executing(grant, 0);
    held.steps = ++steps;
    commands = desk.beat_for(1s, "w", session_in(joined, "w"), 1, {held});
  }
  EXPECT_EQ(steps, 62u);
  EXPECT_EQ(all<core::PersistFails>(commands).size(), 1u);
  EXPECT_NE(all<core::LogLine>(commands).at(0).text.find("longer than the 60000 ms"),
            std::string::npos);
}

TEST(Shares, HeldGrantsComeTogetherAndAreSharedAsIfAllHadBeenThereAtOnce) {
  Desk desk;
  desk.rules.hold_grants();
  EXPECT_TRUE(all<core::SendGrant>(desk.add_job(pose_ranges(4))).empty());
  for (const char* peer : {"a", "b"}) {
    EXPECT_TRUE(all<core::SendGrant>(desk.join(peer, 4)).empty());
  }
  const core::Commands together = desk.rules.release_grants(desk.now);
  EXPECT_EQ(grants(together, "a").size(), 2u);
  EXPECT_EQ(grants(together, "b").size(), 2u);
  // From then on each event gives its own.
  EXPECT_EQ(
      all<core::SendGrant>(desk.add_job({range(9, Stage::Pose, 0, 10, JobId{2})}, JobId{2})).size(),
      1u);
}

}  // namespace
}  // namespace posefleet::tests

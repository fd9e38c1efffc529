// Ranges that fail again and again, down to the frame at fault.
#include <functional>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "tests/coordinator/core/desk.h"

namespace posefleet::tests {
namespace {

using core::Commands;

// Says what each computing of a range ends with.
using Verdict = std::function<bool(const FrameRange&)>;  // true: it fails

// A fleet of one worker for each stage that computes whatever it gets at once, until the job ends
// or nothing happens any more.
class Shop final {
 public:
  explicit Shop(core::Settings settings = {}) : desk(settings) {
    for (const char* peer : {"p", "r"}) {
      Hello hello = hello_of(peer, 1'000'000);
      hello.role = *peer == 'p' ? Stage::Pose : Stage::Render;
      sessions_[peer] = session_in(desk.say(peer, hello), peer);
    }
  }

  void run(Commands commands) {
    for (int idle = 0; idle < 100 && !desk.rules.is_idle(); ++idle) {
      commands = desk.follow(std::move(commands));
      if (work(commands)) idle = 0;
      commands = std::exchange(after_, {});
      desk.now += 500ms;
      for (const auto& [peer, session] : sessions_) {
        add(commands, desk.say(peer, Heartbeat{session, 1'000'000, {}}));
      }
      add(commands, desk.rules.on_tick(desk.now));
    }
  }

  Verdict pose_fails = [](const FrameRange&) { return false; };
  Verdict render_fails = [](const FrameRange&) { return false; };
  Desk desk;
  std::uint32_t failures = 0;
  std::vector<std::pair<Stage, FrameRange>> committed;

 private:
  static void add(Commands& all, const Commands& more) {
    all.insert(all.end(), more.begin(), more.end());
  }
  bool work(const Commands& commands) {
    bool any = false;
    for (const auto& send : all<core::SendGrant>(commands)) {
      any = true;
      const Grant& grant = send.grant;
      const SessionId session = sessions_.at(send.peer);
      const bool fails =
          grant.stage == Stage::Pose ? pose_fails(grant.frames) : render_fails(grant.frames);
      if (fails) {
        ++failures;
        add(after_, desk.say(send.peer,
                             Fail{session, grant.range, grant.token, FailClass::Data, "no good"}));
        continue;
      }
      const Commands finished = desk.finish(send.peer, session, grant);
      add(after_, finished);
      const auto commits = all<core::CommitResult>(finished);
      if (commits.empty()) continue;  // its job is over, or its range is split
      committed.push_back({grant.stage, grant.frames});
      add(after_, desk.rules.on_committed(send.peer, commits[0].result, desk.now));
    }
    return any || !after_.empty();
  }

  std::map<std::string, SessionId> sessions_;
  Commands after_;
};

bool holds(const FrameRange& frames, std::uint32_t frame) {
  return frames.first <= frame && frame < frames.end;
}

// 64 frames: four pose ranges and two render ranges.
std::vector<core::RangeRecord> film() {
  std::vector<core::RangeRecord> ranges;
  for (std::uint32_t i = 0; i < 4; ++i) {
    ranges.push_back(range(i + 1, Stage::Pose, 16 * i, 16 * (i + 1)));
  }
  ranges.push_back(range(11, Stage::Render, 0, 30));
  ranges.push_back(range(12, Stage::Render, 30, 64));
  return ranges;
}

TEST(Poison, AFrameThatFailsIsTakenOutAndNamed) {
  struct Case {
    const char* name;
    Stage stage;
    std::uint32_t frame;
    std::uint32_t failures;  // 3, then 1 for each half that holds it, then 3
    const char* warning;
  };
  for (const Case& one : {
           Case{"pose", Stage::Pose, 37, 3 + 3 + 3,
                "frame 37 has no pose and keeps its original picture: the pose stage failed on it "
                "again and again, last: p says: no good"},
           Case{"first frame", Stage::Pose, 0, 3 + 3 + 3, "frame 0 has no pose"},
           Case{"last frame", Stage::Pose, 63, 3 + 3 + 3, "frame 63 has no pose"},
           Case{"render", Stage::Render, 37, 3 + 4 + 3,
                "frame 37 keeps its original picture: the render stage failed"},
       }) {
    SCOPED_TRACE(one.name);
    Shop shop;
    // A quarantined render frame is the second range of that single frame; that one succeeds.
    std::uint32_t singles = 0;
    const Verdict fails = [&](const FrameRange& frames) {
      if (!holds(frames, one.frame)) return false;
      return frames.size() > 1 || ++singles <= 3;
    };
    (one.stage == Stage::Pose ? shop.pose_fails : shop.render_fails) = fails;
    shop.run(shop.desk.add_job(film()));
    const JobStatus status = shop.desk.rules.status(kJob);
    EXPECT_EQ(status.state, JobState::Assembling) << status.error;
    EXPECT_EQ(shop.failures, one.failures);
    ASSERT_EQ(status.warnings.size(), 1u);
    EXPECT_TRUE(status.warnings[0].starts_with(one.warning)) << status.warnings[0];
    const auto& stage = status.stages[static_cast<std::size_t>(one.stage)];
    EXPECT_EQ(stage.frames_done, 64u);
    EXPECT_EQ(stage.frames_total, 64u);
    EXPECT_EQ(stage.stats.frames_kept_original, 1u);
  }
}

TEST(Poison, EveryOtherFrameIsComputedOnce) {
  Shop shop;
  shop.pose_fails = [](const FrameRange& frames) { return holds(frames, 37); };
  shop.run(shop.desk.add_job(film()));
  std::multiset<std::uint32_t> poses;
  std::multiset<std::uint32_t> pictures;
  for (const auto& [stage, frames] : shop.committed) {
    for (std::uint32_t frame = frames.first; frame < frames.end; ++frame) {
      (stage == Stage::Pose ? poses : pictures).insert(frame);
    }
  }
  for (std::uint32_t frame = 0; frame < 64; ++frame) {
    EXPECT_EQ(poses.count(frame), frame == 37 ? 0u : 1u) << frame;
    EXPECT_EQ(pictures.count(frame), 1u) << frame;
  }
}

TEST(Poison, TheHalvesAreTheSameForEverybody) {
  Desk desk;
  auto ranges = film();
  ranges[0].fails = 2;
  desk.rules.restore_job(job_record(kJob, JobState::Running), ranges);
  desk.rules.on_start(desk.now);
  const Commands joined = desk.join("w", 1);
  const Grant grant = grants(joined, "w").at(0);
  const auto split = all<core::SplitRange>(
      desk.say("w", Fail{session_in(joined, "w"), grant.range, grant.token, FailClass::Data, "x"}));
  ASSERT_EQ(split.size(), 1u);
  EXPECT_EQ(split[0].range, RangeId{1});
  ASSERT_EQ(split[0].parts.size(), 2u);
  EXPECT_EQ(split[0].parts[0].frames, (FrameRange{0, 8}));
  EXPECT_EQ(split[0].parts[1].frames, (FrameRange{8, 16}));
  EXPECT_EQ(split[0].parts[0].fails, 2u);
}

TEST(Poison, AJobMayAskToFailInstead) {
  Shop shop;
  shop.pose_fails = [](const FrameRange& frames) { return holds(frames, 37); };
  core::JobRecord job = job_record();
  job.fails_on_quarantine = true;
  shop.desk.rules.on_job_submitted(job, shop.desk.now);
  shop.run(shop.desk.rules.on_probed(kJob, film(), {}, shop.desk.now));
  const JobStatus status = shop.desk.rules.status(kJob);
  EXPECT_EQ(status.state, JobState::Failed);
  EXPECT_EQ(status.error,
            "pose range of job 1, frames 37 to 37 failed 3 times, last: p says: no good; the job "
            "asks to fail then");
}

TEST(Poison, TooManyBadFramesEndTheJob) {
  struct Case {
    const char* name;
    Verdict pose_fails;
    std::uint32_t quarantine_max;
    const char* error;  // null: the job goes on
  };
  for (const Case& one : {
           Case{"one in eight", [](const FrameRange& f) { return f.first < 8; }, 16, nullptr},
           Case{"one more", [](const FrameRange& f) { return f.first < 9; }, 16,
                "; 9 frames or more cannot be computed, 8 of 64 are allowed"},
           Case{"all of them", [](const FrameRange&) { return true; }, 3,
                "; 4 frames or more cannot be computed, 3 of 64 are allowed"},
           Case{"none allowed", [](const FrameRange& f) { return f.first == 0; }, 0,
                "; 1 frames or more cannot be computed, 0 of 64 are allowed"},
       }) {
    SCOPED_TRACE(one.name);
    core::Settings settings;
    settings.quarantine_max = one.quarantine_max;
    Shop shop(settings);
    shop.pose_fails = one.pose_fails;
    shop.run(shop.desk.add_job(film()));
    const JobStatus status = shop.desk.rules.status(kJob);
    if (one.error == nullptr) {
      EXPECT_EQ(status.state, JobState::Assembling) << status.error;
      EXPECT_EQ(status.warnings.size(), 8u);
    } else {
      EXPECT_EQ(status.state, JobState::Failed);
      EXPECT_NE(status.error.find(one.error), std::string::npos) << status.error;
    }
    // Nobody goes on failing for ever.
    EXPECT_LT(shop.failures, 80u);
  }
}

TEST(Poison, ASinglePictureFailsItsJob) {
  Shop shop;
  shop.pose_fails = [](const FrameRange&) { return true; };
  shop.run(shop.desk.add_job({range(1, Stage::Pose, 0, 1)}));
  EXPECT_EQ(shop.desk.rules.status(kJob).state, JobState::Failed);
  EXPECT_EQ(shop.failures, 3u);
}

TEST(Poison, AFrameWhosePictureCannotBePutOutEitherFailsItsJob) {
  Shop shop;
  shop.render_fails = [](const FrameRange& frames) { return holds(frames, 5); };
  shop.run(shop.desk.add_job(film()));
  const JobStatus status = shop.desk.rules.status(kJob);
  EXPECT_EQ(status.state, JobState::Failed);
  EXPECT_NE(status.error.find("not even its own picture can be put out"), std::string::npos);
}

TEST(Poison, WhatCouldNotBeStoredIsTriedAgainAfterALease) {
  Desk desk;
  auto ranges = film();
  ranges[0].fails = 2;
  desk.rules.restore_job(job_record(kJob, JobState::Running), ranges);
  desk.rules.on_start(desk.now);
  const Commands joined = desk.join("w", 1);
  const Grant grant = grants(joined, "w").at(0);
  desk.say("w", Fail{session_in(joined, "w"), grant.range, grant.token, FailClass::Data, "x"});
  desk.rules.on_poison_failed(RangeId{1}, "disk full");
  EXPECT_EQ(desk.rules.status(kJob).trouble, "disk full");
  desk.rules.on_peer_lost("w", desk.now);
  EXPECT_TRUE(all<core::SplitRange>(desk.tick_after(29'999ms)).empty());
  EXPECT_EQ(all<core::SplitRange>(desk.tick_after(1ms)).size(), 1u);
}

TEST(Poison, ARestartGoesOnWhereItWas) {
  Desk desk;
  auto ranges = pose_ranges(2);
  ranges[0].is_split = true;
  ranges.push_back(range(3, Stage::Pose, 0, 5));
  ranges.push_back(range(4, Stage::Pose, 5, 10));
  ranges[2].is_committed = true;
  ranges.push_back(range(5, Stage::Pose, 20, 21));
  ranges.back().is_quarantined = true;
  ranges.push_back(range(11, Stage::Render, 0, 10));
  ranges.push_back(range(12, Stage::Render, 10, 11));
  ranges.back().is_quarantined = true;
  desk.rules.restore_job(job_record(kJob, JobState::Running), ranges);
  const Commands started = desk.follow(desk.rules.on_start(desk.now));
  // The taken-out pose is committed as nobody's, the taken-out picture is for a worker.
  ASSERT_EQ(all<core::CommitNobody>(started).size(), 1u);
  EXPECT_EQ(all<core::CommitNobody>(started)[0].range, RangeId{5});
  EXPECT_EQ(desk.rules.status(kJob).warnings.size(), 2u);
  const Commands joined = desk.join("w", 9);
  std::set<RangeId> granted;
  for (const Grant& grant : grants(joined, "w")) {
    granted.insert(grant.range);
    desk.commit("w", session_in(joined, "w"), grant);
  }
  EXPECT_EQ(granted, (std::set<RangeId>{RangeId{2}, RangeId{4}}));
  Hello renderer = hello_of("r", 9);
  renderer.role = Stage::Render;
  EXPECT_EQ(grants(desk.say("r", renderer), "r").size(), 2u);
}

TEST(Poison, AResultOfASplitRangeIsAcknowledgedAndDropped) {
  Desk desk;
  auto ranges = film();
  ranges[0].fails = 2;
  desk.rules.restore_job(job_record(kJob, JobState::Running), ranges);
  desk.rules.on_start(desk.now);
  const Commands joined = desk.join("w", 1);
  const SessionId session = session_in(joined, "w");
  const Grant grant = grants(joined, "w").at(0);
  desk.follow(desk.say("w", Fail{session, grant.range, grant.token, FailClass::Data, "x"}));
  const Commands late = desk.finish("w", session, grant);
  EXPECT_TRUE(all<core::CommitResult>(late).empty());
  EXPECT_EQ(sent<ResultAck>(late, "w").size(), 1u);
}

// Whether a third failure cuts the range, by who else is there.
TEST(Poison, OneWorkerAloneDoesNotCondemnARangeWhileAnotherIsThere) {
  struct Case {
    const char* name;
    const char* other_host;  // empty: nobody else
    bool has_failed_it;      // the other worker, once before
    bool is_cut;
  };
  for (const Case& one : {
           Case{"alone", "", false, true},
           Case{"another process of the host", "here", false, false},
           Case{"that failed it too", "here", true, true},
           Case{"another host", "there", false, false},
           Case{"that failed it too", "there", true, true},
       }) {
    SCOPED_TRACE(one.name);
    Desk desk;
    desk.add_job(film());
    Hello hello = hello_of("w", 1);
    hello.host = "here";
    Commands last = desk.say("w", hello);
    const SessionId session = session_in(last, "w");
    const auto fail = [&](const std::string& peer, SessionId who, const Grant& grant) {
      return desk.say(peer, Fail{who, grant.range, grant.token, FailClass::Data, "x"});
    };
    std::uint64_t credit = 1;
    Grant grant = grants(last, "w").at(0);
    for (int i = 0; i < (one.has_failed_it ? 1 : 2); ++i) {
      fail("w", session, grant);
      last = desk.beat_for(1s, "w", session, ++credit, {});
      grant = grants(last, "w").at(0);
      EXPECT_EQ(grant.range, RangeId{1});
    }
    if (*one.other_host != 0) {
      Hello other = hello_of("other", 0);
      other.host = one.other_host;
      const SessionId second = session_in(desk.say("other", other), "other");
      if (one.has_failed_it) {
        fail("w", session, grant);
        desk.now += 1s;
        // Left to the other one while that is there.
        EXPECT_NE(grants(desk.say("w", Heartbeat{session, ++credit, {}}), "w").at(0).range,
                  RangeId{1});
        const auto given = grants(desk.say("other", Heartbeat{second, 1, {}}), "other");
        ASSERT_EQ(given.size(), 1u);
        EXPECT_EQ(given[0].range, RangeId{1});
        EXPECT_EQ(!all<core::SplitRange>(fail("other", second, given[0])).empty(), one.is_cut);
        continue;
      }
    }
    EXPECT_EQ(!all<core::SplitRange>(fail("w", session, grant)).empty(), one.is_cut);
  }
}

TEST(Poison, TwiceAsManyFailuresAreEnoughWhereverTheyWere) {
  Desk desk;
  desk.add_job({range(1, Stage::Pose, 0, 16)});
  Hello hello = hello_of("w", 1000);
  hello.host = "here";
  const Commands joined = desk.say("w", hello);
  const SessionId session = session_in(joined, "w");
  Hello other = hello_of("other", 0);
  other.host = "there";
  const SessionId second = session_in(desk.say("other", other), "other");
  Grant grant = grants(joined, "w").at(0);
  std::size_t cuts = 0;
  for (int fail = 1; fail <= 6; ++fail) {
    EXPECT_EQ(cuts, 0u);
    Commands last = desk.say("w", Fail{session, grant.range, grant.token, FailClass::Data, "x"});
    cuts += all<core::SplitRange>(last).size();
    for (int second_passed = 0; second_passed < 40 && grants(last, "w").empty(); ++second_passed) {
      desk.say("other", Heartbeat{second, 0, {}});
      last = desk.beat_for(1s, "w", session, 1000, {});
    }
    if (fail < 6) grant = grants(last, "w").at(0);
  }
  EXPECT_EQ(cuts, 1u);
}

TEST(Poison, ASingleFrameIsTakenOutOnlyWhenItsDeathsAreCertain) {
  struct Case {
    const char* name;
    bool is_said;  // that it is executing; otherwise that is a guess, and two count as one
    int deaths;
  };
  for (const Case& one : {Case{"said", true, 3}, Case{"guessed", false, 6}}) {
    SCOPED_TRACE(one.name);
    Desk desk;
    auto ranges = film();
    for (std::size_t i = 1; i < ranges.size(); ++i) ranges[i].is_committed = true;
    ranges[0].frames = {0, 1};
    desk.rules.restore_job(job_record(kJob, JobState::Running), ranges);
    desk.rules.on_start(desk.now);
    for (int death = 1; death <= one.deaths; ++death) {
      desk.now += 2s;
      desk.rules.on_tick(desk.now);
      const std::string peer = "w" + std::to_string(death);
      const Commands joined = desk.join(peer, 1);
      ASSERT_EQ(grants(joined, peer).size(), 1u);
      const HeldLease held = executing(grants(joined, peer)[0], 0);
      if (one.is_said) desk.say(peer, Heartbeat{session_in(joined, peer), 1, {held}});
      EXPECT_TRUE(all<core::SplitRange>(desk.rules.on_peer_lost(peer, desk.now)).empty());
    }
    // Nobody gets it until the last death is one.
    EXPECT_TRUE(grants(desk.join("last", 1), "last").empty());
    const auto splits = all<core::SplitRange>(desk.tick_after(6001ms));
    ASSERT_EQ(splits.size(), 1u);
    ASSERT_EQ(splits[0].parts.size(), 1u);
    EXPECT_TRUE(splits[0].parts[0].is_quarantined);
  }
}

TEST(Poison, ThreeDeathsOfTheOnlyWorkerCutARangeBeforeTheyAreCertain) {
  Desk desk;
  desk.add_job({range(1, Stage::Pose, 0, 16)});
  for (int death = 1; death <= 3; ++death) {
    desk.now += 1s;
    const std::string peer = "w" + std::to_string(death);
    const Commands joined = desk.join(peer, 1);
    ASSERT_EQ(grants(joined, peer).size(), 1u);
    const Commands lost = desk.rules.on_peer_lost(peer, desk.now);
    EXPECT_EQ(all<core::SplitRange>(lost).size(), death == 3 ? 1u : 0u);
  }
}

TEST(Poison, ALostResultOfATakenOutFrameIsMadeAgainByNobody) {
  Desk desk;
  auto ranges = pose_ranges(2);
  ranges.push_back(range(3, Stage::Pose, 20, 21));
  ranges[2].is_quarantined = ranges[2].is_committed = true;
  desk.rules.restore_job(job_record(kJob, JobState::Running), ranges);
  desk.rules.on_start(desk.now);
  const Commands lost = desk.follow(desk.rules.on_artifact_lost(RangeId{3}, "gone", desk.now));
  EXPECT_EQ(all<core::CommitNobody>(lost).size(), 1u);
  EXPECT_EQ(desk.rules.status(kJob).stages[0].frames_done, 1u);
  EXPECT_EQ(grants(desk.join("w", 9), "w").size(), 2u);
}

// Two executors in one process die together; the neighbour of a bad frame must not go with it.
TEST(Poison, ASuspectedFrameRunsAlone) {
  Desk desk;
  auto ranges = pose_ranges(3);
  ranges.push_back(range(4, Stage::Pose, 30, 31));
  ranges[3].fails = 1;
  for (int i = 0; i < 2; ++i) ranges[static_cast<std::size_t>(i)].is_committed = true;
  desk.rules.restore_job(job_record(kJob, JobState::Running), ranges);
  desk.rules.on_start(desk.now);
  const Commands joined = desk.join("w", 4);
  const SessionId session = session_in(joined, "w");
  // The sound range is first in line; the suspect waits until it is done.
  ASSERT_EQ(grants(joined, "w").size(), 1u);
  EXPECT_EQ(grants(joined, "w")[0].range, RangeId{3});
  const auto alone = grants(desk.finish("w", session, grants(joined, "w")[0]), "w");
  ASSERT_EQ(alone.size(), 1u);
  EXPECT_EQ(alone[0].range, RangeId{4});
  // A second job's range does not join it.
  desk.add_job({range(11, Stage::Pose, 0, 10, JobId{2})}, JobId{2});
  EXPECT_TRUE(grants(desk.say("w", Heartbeat{session, 4, {executing(alone[0], 0)}}), "w").empty());
  EXPECT_EQ(grants(desk.finish("w", session, alone[0]), "w").size(), 1u);
}

}  // namespace
}  // namespace posefleet::tests

#include <gtest/gtest.h>

#include "tests/coordinator/core/desk.h"

namespace posefleet::tests {
namespace {

using core::Commands;

Hello renderer(const std::string& peer, std::uint64_t credit = 1) {
  Hello hello = hello_of(peer, credit);
  hello.role = Stage::Render;
  return hello;
}

// Three pose ranges of ten frames; render ranges 11 (frames 0 to 14) and 12 (frames 15 to 29).
std::vector<core::RangeRecord> mesh_ranges() {
  auto ranges = pose_ranges(3);
  ranges.push_back(range(11, Stage::Render, 0, 15));
  ranges.push_back(range(12, Stage::Render, 15, 30));
  return ranges;
}

TEST(Jobs, ASubmittedJobIsProbedThenRuns) {
  Desk desk;
  const Commands submitted = desk.rules.on_job_submitted(job_record(), desk.now);
  ASSERT_EQ(submitted.size(), 2u);
  EXPECT_EQ(std::get<core::PersistJob>(submitted[0]).job.state, JobState::Probing);
  EXPECT_EQ(std::get<core::ProbeJob>(submitted[1]).job, kJob);
  const Commands probed = desk.rules.on_probed(kJob, pose_ranges(1), {"cut off"}, desk.now);
  EXPECT_EQ(all<core::PersistJob>(probed).at(0).job.state, JobState::Running);
  EXPECT_EQ(desk.rules.status(kJob).warnings, (std::vector<std::string>{"cut off"}));
}

TEST(Jobs, AMissingDetectorIsSaidOnce) {
  Desk desk;
  Hello hello = hello_of("p", 2);
  hello.detector_state = DetectorState::Failed;
  hello.detector = "d.pt is damaged";
  desk.add_job(pose_ranges(3));
  const Commands joined = desk.say("p", hello);
  const SessionId session = session_in(joined, "p");
  std::size_t stored = 0;
  const auto granted = grants(joined, "p");
  ASSERT_EQ(granted.size(), 2u);
  for (const Grant& grant : granted) {
    ResultDone result = Desk::result_of(session, grant);
    result.stats.frames_undetected = 10;
    desk.say("p", result);
    stored += all<core::PersistJob>(desk.rules.on_committed("p", result, desk.now)).size();
  }
  EXPECT_EQ(stored, 1u);
  const JobStatus status = desk.rules.status(kJob);
  ASSERT_EQ(status.warnings.size(), 1u);
  EXPECT_NE(status.warnings[0].find("d.pt is damaged"), std::string::npos);
  EXPECT_EQ(status.stages[0].stats.frames_undetected, 20u);
}

TEST(Jobs, TheRangesOfAReleasedJobAreForgottenAndItsCountsStay) {
  Desk desk;
  desk.say("r", renderer("r", 2));
  desk.add_job(mesh_ranges());
  const Commands joined = desk.join("p", 3);
  const SessionId session = session_in(joined, "p");
  const auto granted = grants(joined, "p");
  desk.commit("p", session, granted.at(0));
  desk.finish("p", session, granted.at(1));  // on its way to the disk
  desk.rules.on_released(kJob);              // it runs: nothing happens
  EXPECT_EQ(desk.rules.ranges_known(), 5u);
  desk.rules.on_cancel(kJob, desk.now);
  // What was on its way arrives; then the edge carries out the release.
  desk.rules.on_committed("p", Desk::result_of(session, granted.at(1)), desk.now);
  const JobStatus before = desk.rules.status(kJob);
  desk.rules.on_released(kJob);
  EXPECT_EQ(desk.rules.ranges_known(), 0u);
  EXPECT_EQ(desk.rules.status(kJob), before);
  EXPECT_EQ(before.stages[0].frames_done, 20u);
  EXPECT_EQ(before.stages[0].frames_total, 30u);
  // Late words about its ranges: acknowledged, or not heard.
  const Commands late = desk.finish("p", session, granted.at(2));
  EXPECT_EQ(sent<ResultAck>(late, "p").size(), 1u);
  EXPECT_TRUE(desk.rules.on_artifact_lost(granted[0].range, "damaged", desk.now).empty());
  EXPECT_TRUE(desk.rules.on_split(granted[2].range, {}, desk.now).empty());
  EXPECT_TRUE(desk.rules.on_grant_failed("p", granted[2], "gone", desk.now).empty());
  EXPECT_TRUE(all<core::SendGrant>(desk.tick_after(1s)).empty());
}

TEST(Jobs, ALostResultIsCountedNoMore) {
  Desk desk;
  desk.add_job(pose_ranges(2));
  const Commands joined = desk.join("p", 1);
  const SessionId session = session_in(joined, "p");
  const Grant grant = grants(joined, "p").at(0);
  desk.commit("p", session, grant);
  EXPECT_EQ(desk.rules.status(kJob).stages[0].frames_done, 10u);
  desk.rules.on_artifact_lost(grant.range, "damaged", desk.now);
  const JobStatus status = desk.rules.status(kJob);
  EXPECT_EQ(status.stages[0].frames_done, 0u);
  EXPECT_EQ(status.stages[0].frames_total, 20u);
}

TEST(Jobs, AFailedProbeEndsTheJobWithItsMessage) {
  Desk desk;
  desk.rules.on_job_submitted(job_record(), desk.now);
  const Commands failed = desk.rules.on_probe_failed(kJob, "no video in it", desk.now);
  EXPECT_EQ(all<core::PersistJob>(failed).at(0).job.error, "no video in it");
  EXPECT_EQ(desk.rules.status(kJob).state, JobState::Failed);
  EXPECT_TRUE(desk.rules.on_probed(kJob, pose_ranges(1), {}, desk.now).empty());
}

TEST(Jobs, ARenderRangeWaitsForAllPoseRangesThatItTouches) {
  Desk desk;
  desk.say("r", renderer("r", 2));
  desk.add_job(mesh_ranges());
  const Commands joined = desk.join("p", 3);
  const SessionId session = session_in(joined, "p");
  const auto granted = grants(joined, "p");
  ASSERT_EQ(granted.size(), 3u);
  // Frames 0 to 14 need the first two, 15 to 29 the last two.
  EXPECT_TRUE(grants(desk.commit("p", session, granted[0]), "r").empty());
  const auto after_third = grants(desk.commit("p", session, granted[2]), "r");
  EXPECT_TRUE(after_third.empty());
  const auto after_second = grants(desk.commit("p", session, granted[1]), "r");
  ASSERT_EQ(after_second.size(), 2u);
  EXPECT_EQ(after_second[0].range, RangeId{11});
  EXPECT_EQ(after_second[1].range, RangeId{12});
}

TEST(Jobs, ARenderRangeWaitsForAllPosesBeforeIt) {
  Desk desk;
  desk.add_job(mesh_ranges());
  desk.say("r", renderer("r", 2));
  const Commands joined = desk.join("p", 3);
  const SessionId session = session_in(joined, "p");
  const auto granted = grants(joined, "p");
  // The last ones come first: all that the second render range is drawn from, but who is who?
  EXPECT_TRUE(grants(desk.commit("p", session, granted[2]), "r").empty());
  EXPECT_TRUE(grants(desk.commit("p", session, granted[1]), "r").empty());
  EXPECT_EQ(grants(desk.commit("p", session, granted[0]), "r").size(), 2u);
}

// Steadied poses depend on the frames around a render range: 11 needs frames 0 to 24, 12 all.
TEST(Jobs, ARenderRangeWaitsForThePosesAroundItIfItsJobAsks) {
  Desk desk;
  core::JobRecord job = job_record();
  job.pose_margin = 10;
  desk.rules.on_job_submitted(job, desk.now);
  desk.rules.on_probed(kJob, mesh_ranges(), {}, desk.now);
  desk.say("r", renderer("r", 2));
  const Commands joined = desk.join("p", 3);
  const SessionId session = session_in(joined, "p");
  const auto granted = grants(joined, "p");
  EXPECT_TRUE(grants(desk.commit("p", session, granted[0]), "r").empty());
  EXPECT_TRUE(grants(desk.commit("p", session, granted[1]), "r").empty());
  EXPECT_EQ(grants(desk.commit("p", session, granted[2]), "r").size(), 2u);
}

TEST(Jobs, AllCommittedMeansAssembling) {
  Desk desk;
  desk.add_job(pose_ranges(1));
  const Commands joined = desk.join("w");
  const Commands committed = desk.commit("w", session_in(joined, "w"), grants(joined, "w").at(0));
  EXPECT_EQ(all<core::AssembleJob>(committed).size(), 1u);
  EXPECT_EQ(desk.rules.status(kJob).state, JobState::Assembling);
  const Commands assembled = desk.rules.on_assembled(kJob, "{}", {"no sound"}, desk.now);
  EXPECT_EQ(all<core::PersistJob>(assembled).at(0).job.state, JobState::Succeeded);
  EXPECT_EQ(all<core::ReleaseJob>(assembled).size(), 1u);
  EXPECT_EQ(desk.rules.status(kJob).result, "{}");
  EXPECT_TRUE(desk.rules.is_idle());
}

TEST(Jobs, ThatTheDiskIsFullIsSaidUntilAnOutputCouldBeWritten) {
  Desk desk;
  desk.add_job({});
  desk.rules.on_storage_trouble("no space");
  EXPECT_EQ(desk.rules.status(kJob).trouble, "no space");
  desk.rules.on_assembled(kJob, "{}", {}, desk.now);
  EXPECT_EQ(desk.rules.status(kJob).trouble, "");
}

TEST(Jobs, AFailedAssemblyEndsTheJob) {
  Desk desk;
  desk.add_job({});
  EXPECT_EQ(desk.rules.status(kJob).state, JobState::Assembling);
  desk.rules.on_assembly_failed(kJob, "source changed", desk.now);
  EXPECT_EQ(desk.rules.status(kJob).state, JobState::Failed);
  EXPECT_EQ(desk.rules.status(kJob).error, "source changed");
}

TEST(Jobs, ALostArtifactOpensItsRangeAndBlocksWhatNeedsIt) {
  Desk desk;
  desk.add_job(mesh_ranges());
  const Commands joined = desk.join("p", 3);
  const SessionId session = session_in(joined, "p");
  const auto granted = grants(joined, "p");
  for (const Grant& grant : granted) desk.commit("p", session, grant);
  // Both render ranges are ready, nobody is there to draw them.
  const Commands lost = desk.rules.on_artifact_lost(RangeId{2}, "another hash", desk.now);
  // A disk's fault, not the range's.
  EXPECT_TRUE(all<core::PersistFails>(lost).empty());
  EXPECT_TRUE(grants(desk.say("r", renderer("r", 2)), "r").empty());
  const Commands again = desk.beat_for(1s, "p", session, 9, {});
  ASSERT_EQ(grants(again, "p").size(), 1u);
  EXPECT_EQ(grants(again, "p")[0].range, RangeId{2});
  EXPECT_EQ(grants(desk.commit("p", session, grants(again, "p")[0]), "r").size(), 2u);
}

TEST(Jobs, ARangeWhoseNeedsWereLostWhileItWasOutIsNotGrantedBeforeTheyAreBack) {
  Desk desk;
  desk.add_job(mesh_ranges());
  const Commands joined = desk.join("p", 3);
  const SessionId session = session_in(joined, "p");
  for (const Grant& grant : grants(joined, "p")) desk.commit("p", session, grant);
  const Commands drawing = desk.say("r", renderer("r", 1));
  const Grant grant = grants(drawing, "r").at(0);
  // The edge finds the artifact damaged while it makes the render task.
  desk.rules.on_artifact_lost(RangeId{1}, "damaged", desk.now);
  desk.rules.on_grant_failed("r", grant, "damaged", desk.now);
  desk.rules.on_peer_lost("r", desk.now);
  // Nor is a later one, whose people follow from all that was before.
  EXPECT_TRUE(grants(desk.say("r2", renderer("r2", 2)), "r2").empty());
  const Commands again = desk.beat_for(1s, "p", session, 9, {});
  EXPECT_EQ(grants(desk.commit("p", session, grants(again, "p").at(0)), "r2").size(), 2u);
}

TEST(Jobs, AnArtifactLostDuringTheAssemblySendsTheJobBack) {
  Desk desk;
  desk.add_job(pose_ranges(1));
  const Commands joined = desk.join("w", 2);
  const SessionId session = session_in(joined, "w");
  desk.commit("w", session, grants(joined, "w").at(0));
  desk.rules.on_artifact_lost(RangeId{1}, "gone", desk.now);
  EXPECT_EQ(desk.rules.status(kJob).state, JobState::Running);
  EXPECT_EQ(desk.rules.status(kJob).stages[0].frames_done, 0u);
  // The assembly that was under way says nothing that counts any more.
  EXPECT_TRUE(desk.rules.on_assembled(kJob, "{}", {}, desk.now).empty());
  const Commands again = desk.beat_for(1s, "w", session, 9, {});
  const Commands done = desk.commit("w", session, grants(again, "w").at(0));
  EXPECT_EQ(all<core::AssembleJob>(done).size(), 1u);
}

TEST(Jobs, CancelTakesEverythingBack) {
  Desk desk;
  desk.add_job(pose_ranges(3));
  const Commands joined = desk.join("w", 2);
  const Commands cancelled = desk.rules.on_cancel(kJob, desk.now);
  EXPECT_EQ(sent<CancelRange>(cancelled, "w").size(), 2u);
  EXPECT_EQ(all<core::ReleaseJob>(cancelled).size(), 1u);
  EXPECT_EQ(desk.rules.status(kJob).state, JobState::Cancelled);
  EXPECT_TRUE(grants(desk.join("other", 9), "other").empty());
  // What comes late is forgotten.
  const Commands late = desk.finish("w", session_in(joined, "w"), grants(joined, "w").at(0));
  EXPECT_TRUE(all<core::CommitResult>(late).empty());
  EXPECT_EQ(sent<ResultAck>(late, "w").size(), 1u);
  EXPECT_TRUE(desk.rules.on_cancel(kJob, desk.now).empty());
}

TEST(Jobs, ACancelDuringACommitGrantsNothingOfTheJob) {
  Desk desk;
  desk.add_job(mesh_ranges());
  const Commands joined = desk.join("p", 3);
  const SessionId session = session_in(joined, "p");
  const auto granted = grants(joined, "p");
  desk.say("r", renderer("r", 2));
  desk.commit("p", session, granted[0]);
  desk.finish("p", session, granted[1]);
  desk.rules.on_cancel(kJob, desk.now);
  const Commands committed =
      desk.rules.on_committed("p", Desk::result_of(session, granted[1]), desk.now);
  EXPECT_TRUE(grants(committed, "r").empty());
  EXPECT_EQ(sent<ResultAck>(committed, "p").size(), 1u);
}

TEST(Jobs, ARestoredJobGoesOnWhereItWas) {
  struct Case {
    const char* name;
    JobState state;
    std::vector<bool> committed;
    std::size_t probes, assemblies, grants;
  };
  for (const Case& one : {
           Case{"not probed", JobState::Submitted, {}, 1, 0, 0},
           Case{"probing", JobState::Probing, {}, 1, 0, 0},
           Case{"in the middle", JobState::Running, {true, false, false}, 0, 0, 2},
           Case{"all committed", JobState::Running, {true, true}, 0, 1, 0},
           Case{"assembling", JobState::Assembling, {true, true}, 0, 1, 0},
           Case{"succeeded", JobState::Succeeded, {true}, 0, 0, 0},
           Case{"failed", JobState::Failed, {}, 0, 0, 0},
       }) {
    SCOPED_TRACE(one.name);
    Desk desk;
    auto ranges = pose_ranges(static_cast<std::uint32_t>(one.committed.size()));
    for (std::size_t i = 0; i < ranges.size(); ++i) ranges[i].is_committed = one.committed[i];
    desk.rules.restore_job(job_record(kJob, one.state), ranges);
    const Commands started = desk.rules.on_start(desk.now);
    EXPECT_EQ(all<core::ProbeJob>(started).size(), one.probes);
    EXPECT_EQ(all<core::AssembleJob>(started).size(), one.assemblies);
    EXPECT_EQ(grants(desk.join("w", 9), "w").size(), one.grants);
    EXPECT_EQ(desk.rules.is_idle(), is_final(one.state));
  }
}

TEST(Jobs, ARestoredRangeRemembersItsFailures) {
  Desk desk;
  auto ranges = pose_ranges(1);
  ranges[0].frames.end = 16;
  ranges[0].fails = 2;
  ranges[0].attempts = 5;
  desk.rules.restore_job(job_record(kJob, JobState::Running), ranges);
  desk.rules.on_start(desk.now);
  const Commands joined = desk.join("w");
  EXPECT_EQ(all<core::SendGrant>(joined).at(0).attempts, 6u);
  const Grant grant = grants(joined, "w").at(0);
  const Commands failed =
      desk.say("w", Fail{session_in(joined, "w"), grant.range, grant.token, FailClass::Data, "x"});
  EXPECT_EQ(all<core::SplitRange>(failed).size(), 1u);
}

TEST(Jobs, TheStatusCountsFramesWorkersAndFigures) {
  Desk desk;
  desk.add_job(mesh_ranges());
  const Commands joined = desk.join("p", 3);
  const SessionId session = session_in(joined, "p");
  const auto granted = grants(joined, "p");
  desk.say("r", renderer("r"));
  ResultDone result = Desk::result_of(session, granted[0]);
  result.stats = {.frames_with_people = 8, .people = 16, .work_seconds = 1.5};
  desk.say("p", result);
  desk.rules.on_committed("p", result, desk.now);
  // A worker may count units smaller than frames.
  desk.say("p", Heartbeat{session, 3, {executing(granted[1], 4), executing(granted[2], 4000)}});
  const JobStatus status = desk.rules.status(kJob);
  EXPECT_EQ(status.state, JobState::Running);
  ASSERT_EQ(status.stages.size(), 2u);
  EXPECT_EQ(status.stages[0].frames_total, 30u);
  EXPECT_EQ(status.stages[0].frames_done, 10u + 4u + 10u);
  EXPECT_EQ(status.stages[0].workers, 1u);
  EXPECT_EQ(status.stages[0].stats, result.stats);
  EXPECT_EQ(status.stages[1].frames_total, 30u);
  EXPECT_EQ(status.stages[1].frames_done, 0u);
  EXPECT_EQ(status.stages[1].workers, 1u);
  EXPECT_EQ(desk.rules.find_job(JobId{42}), nullptr);
}

// ---- a disk without room ------------------------------------------------------------------------

TEST(Disk, WithoutRoomNothingNewIsGrantedAndWhatIsLeasedGoesOn) {
  Desk desk;
  desk.add_job(pose_ranges(3));
  const core::Commands joined = desk.join("w", 1);
  const Grant first = grants(joined, "w").at(0);
  const SessionId session = session_in(joined, "w");
  desk.rules.on_no_room("nearly full");
  EXPECT_EQ(desk.rules.status(kJob).trouble, "nearly full");
  // Its result is committed and acknowledged; there is credit, and nothing more comes.
  const core::Commands committed = desk.commit("w", session, first);
  EXPECT_EQ(sent<ResultAck>(committed, "w").size(), 1u);
  EXPECT_TRUE(grants(desk.say("w", Heartbeat{session, 3, {}}), "w").empty());
  EXPECT_TRUE(grants(desk.tick_after(1000ms), "w").empty());
  EXPECT_EQ(desk.rules.status(kJob).trouble, "nearly full");
  EXPECT_EQ(grants(desk.rules.on_room(desk.now), "w").size(), 2u);
  EXPECT_EQ(desk.rules.status(kJob).trouble, "");
}

TEST(Disk, AnOutputWaitsForRoomAndIsTriedAgain) {
  core::Settings settings;
  settings.assemblies_max = 3;
  Desk desk(settings);
  desk.add_job(pose_ranges(1));
  const core::Commands joined = desk.join("w", 1);
  desk.rules.on_no_room("nearly full");
  const core::Commands done = desk.commit("w", session_in(joined, "w"), grants(joined, "w").at(0));
  EXPECT_TRUE(all<core::AssembleJob>(done).empty());
  EXPECT_EQ(all<core::AssembleJob>(desk.rules.on_room(desk.now)).size(), 1u);
  // It did not fit after all: not at once, and not for ever.
  for (int attempt = 2; attempt <= 3; ++attempt) {
    desk.rules.on_assembly_postponed(kJob, "no space left", desk.now);
    EXPECT_EQ(desk.rules.status(kJob).trouble, "no space left");
    EXPECT_TRUE(all<core::AssembleJob>(desk.tick_after(settings.lease / 2)).empty());
    EXPECT_EQ(all<core::AssembleJob>(desk.tick_after(settings.lease)).size(), 1u);
  }
  desk.rules.on_assembly_postponed(kJob, "no space left", desk.now);
  EXPECT_EQ(desk.rules.status(kJob).state, JobState::Failed);
  EXPECT_EQ(desk.rules.status(kJob).error, "no space left");
  EXPECT_EQ(desk.rules.status(kJob).trouble, "");
}

TEST(Disk, WhoeverAsksForRemovedFilesIsToldWhy) {
  Desk desk;
  desk.add_job(pose_ranges(1));
  EXPECT_TRUE(desk.rules.finished_jobs().empty());
  EXPECT_TRUE(desk.rules.on_files_removed(kJob, "too old").empty());
  const core::Commands joined = desk.join("w", 1);
  desk.commit("w", session_in(joined, "w"), grants(joined, "w").at(0));
  desk.rules.on_assembled(kJob, "{}", {}, desk.now);
  EXPECT_EQ(desk.rules.finished_jobs(), std::vector<JobId>{kJob});
  EXPECT_EQ(all<core::PersistJob>(desk.rules.on_files_removed(kJob, "too old")).size(), 1u);
  EXPECT_EQ(desk.rules.status(kJob).warnings, std::vector<std::string>{"too old"});
}

}  // namespace
}  // namespace posefleet::tests

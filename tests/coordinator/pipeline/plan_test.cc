#include "coordinator/pipeline/plan.h"

#include <set>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

// `pts` in ticks of 1/1000 s, a key packet every `key_every` frames.
JobPlan plan_of(const std::vector<std::int64_t>& pts, std::size_t key_every = 10) {
  JobPlan plan;
  plan.spec.source_path = "/v.mp4";
  plan.spec.model_hash = "model";
  plan.source = {"/v.mp4", 1234, 5678};
  plan.source_sha256 = "sha";
  plan.table.pts = pts;
  plan.table.time_base = {1, 1000};
  plan.table.codec = "h264";
  for (std::size_t i = 0; i < pts.size(); i += key_every) {
    plan.table.keys.push_back({pts[i], static_cast<std::uint32_t>(i)});
  }
  return plan;
}

JobPlan steady(std::uint32_t frames, std::int64_t step = 40) {
  std::vector<std::int64_t> pts;
  for (std::uint32_t i = 0; i < frames; ++i) pts.push_back(step * i);
  return plan_of(pts);
}

std::vector<FrameRange> ranges_of(const JobPlan& plan, Stage stage) {
  std::vector<FrameRange> ranges;
  for (const core::RangeRecord& record : plan_ranges(plan)) {
    if (record.stage == stage) ranges.push_back(record.frames);
  }
  return ranges;
}

void expect_each_frame_once(const JobPlan& plan, Stage stage) {
  std::uint32_t next = 0;
  for (const FrameRange& range : ranges_of(plan, stage)) {
    ASSERT_EQ(range.first, next);
    ASSERT_GT(range.end, range.first);
    next = range.end;
  }
  ASSERT_EQ(next, plan.table.frame_count());
}

TEST(Plan, RangesCoverEveryFrameOnceWhateverTheTimes) {
  Random random(1);
  std::vector<JobPlan> plans = {steady(1),       steady(2),       steady(15),
                                steady(16),      steady(17),      steady(999),
                                steady(5, 9999), steady(2000, 1), plan_of({-900, 0})};
  for (int i = 0; i < 100; ++i) {
    // Variable rate: steps of 1 ms to a minute.
    std::vector<std::int64_t> pts = {-static_cast<std::int64_t>(random.below(5000))};
    const std::uint64_t step_max = std::uint64_t{1} << random.below(16);
    for (std::uint64_t f = random.below(300); f > 0; --f) {
      pts.push_back(pts.back() + 1 + static_cast<std::int64_t>(random.below(step_max)));
    }
    plans.push_back(plan_of(pts));
    plans.back().spec.range_frames = static_cast<std::uint32_t>(random.below(40));
  }
  for (std::size_t i = 0; i < plans.size(); ++i) {
    SCOPED_TRACE(i);
    expect_each_frame_once(plans[i], Stage::Pose);
    expect_each_frame_once(plans[i], Stage::Render);
  }
}

TEST(Plan, RangesHaveTheSizesThatTheyShouldHave) {
  EXPECT_EQ(ranges_of(steady(33), Stage::Pose),
            (std::vector<FrameRange>{{0, 16}, {16, 32}, {32, 33}}));
  JobPlan plan = steady(33);
  plan.spec.range_frames = 30;
  EXPECT_EQ(ranges_of(plan, Stage::Pose), (std::vector<FrameRange>{{0, 30}, {30, 33}}));
  // 25 frames/s: 4 s a segment in a long video, four segments in a short one, at least 1 s each.
  EXPECT_EQ(ranges_of(steady(1000), Stage::Render).front().size(), 100u);
  EXPECT_EQ(ranges_of(steady(201), Stage::Render).size(), 5u);
  EXPECT_EQ(ranges_of(steady(25), Stage::Render).size(), 1u);
  plan.spec.pipeline = Pipeline::Pose;
  EXPECT_TRUE(ranges_of(plan, Stage::Render).empty());
}

TEST(Plan, SegmentsOfLargeFramesAreShortSoThatTheyFitIntoMemory) {
  const struct {
    EncodeSettings encode;
    std::uint32_t width, height;
    std::uint32_t frames;  // of the longest render range
  } cases[] = {
      {{.codec = "h264"}, 1920, 1080, 100},  {{.codec = "h264", .crf = 0}, 1920, 1080, 16},
      {{.codec = "prores"}, 1920, 1080, 16}, {{.codec = "png"}, 3840, 2160, 4},
      {{.codec = "ffv1"}, 8192, 8192, 1},    {{.codec = "ffv1"}, 320, 180, 48},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.encode.codec);
    JobPlan plan = steady(1000);
    plan.spec.encode = test.encode;
    plan.table.width = test.width;
    plan.table.height = test.height;
    expect_each_frame_once(plan, Stage::Render);
    std::uint32_t longest = 0;
    for (const FrameRange& range : ranges_of(plan, Stage::Render)) {
      longest = std::max(longest, range.size());
    }
    EXPECT_EQ(longest, test.frames);
  }
}

TEST(Plan, AWindowHoldsTheRangeTheNextFrameAndTheKeysBeforeIt) {
  const JobPlan plan = steady(200);
  const PoseTask task = make_pose_task(plan, {100, 116});
  EXPECT_EQ(task.frames.first_frame, 100u);
  EXPECT_EQ(task.frames.frame_count, 16u);
  EXPECT_EQ(task.frames.in_window(), (FrameRange{0, 16}));
  ASSERT_EQ(task.frames.window.pts.size(), 17u);
  EXPECT_EQ(task.frames.window.pts.front(), 4000);
  EXPECT_EQ(task.frames.window.pts.back(), 4640);
  // Eight before, and the one inside.
  ASSERT_EQ(task.frames.window.keys.size(), 9u);
  EXPECT_EQ(task.frames.window.keys[7], (KeyPacket{4000, 100}));
  EXPECT_EQ(task.frames.window.keys.back(), (KeyPacket{4400, 110}));
  EXPECT_EQ(task.frames.window.keys.front(), (KeyPacket{1200, 30}));
}

TEST(Plan, AWindowOfASelectionSaysWhichFramesTheseAre) {
  JobPlan plan = steady(200);
  for (std::uint32_t frame = 0; frame < 200; ++frame) {
    plan.table.source_frames.push_back(3 * frame);
  }
  const PoseTask task = make_pose_task(plan, {100, 103});
  EXPECT_EQ(task.frames.window.source_frames, (std::vector<std::uint32_t>{300, 303, 306, 309}));
}

TEST(Plan, AWindowAtTheEndHasNoNextFrame) {
  const PoseTask task = make_pose_task(steady(20), {16, 20});
  EXPECT_EQ(task.frames.window.pts.size(), 4u);
  EXPECT_EQ(make_pose_task(steady(1), {0, 1}).frames.window.pts.size(), 1u);
}

TEST(Plan, AWindowBeforeTheFirstKeyHasThatKey) {
  JobPlan plan = steady(40);
  plan.table.keys = {{400, 12}, {800, 22}};
  EXPECT_EQ(make_pose_task(plan, {0, 5}).frames.window.keys, (std::vector<KeyPacket>{{400, 12}}));
}

TEST(Plan, AFileThatIsDecodedFromItsStartSendsItsWholeTable) {
  JobPlan plan = steady(200);
  plan.table.needs_sequential_decode = true;
  const PoseTask task = make_pose_task(plan, {100, 116});
  EXPECT_EQ(task.frames.window, plan.table);
  EXPECT_EQ(task.frames.in_window(), (FrameRange{100, 116}));
}

TEST(Plan, ATaskGetsTheBoxesOfItsFrames) {
  JobPlan plan = steady(64);
  plan.spec.box_source = BoxSource::Given;
  for (const std::uint32_t frame : {0u, 15u, 16u, 20u, 31u, 32u}) {
    plan.spec.boxes.push_back({frame, {{0, 0, 1, 1, 1}}});
  }
  std::vector<std::uint32_t> frames;
  for (const FrameBoxes& boxes : make_pose_task(plan, {16, 32}).boxes)
    frames.push_back(boxes.frame);
  EXPECT_EQ(frames, (std::vector<std::uint32_t>{16, 20, 31}));
  EXPECT_EQ(make_pose_task(plan, {16, 32}).box_source, BoxSource::Given);
  EXPECT_TRUE(make_pose_task(plan, {48, 64}).boxes.empty());
}

TEST(Plan, ATaskGetsTheDetectorsSettings) {
  JobPlan plan = steady(64);
  plan.spec.box_source = BoxSource::Detect;
  plan.spec.detector.conf = 0.125;
  EXPECT_EQ(make_pose_task(plan, {16, 32}).box_source, BoxSource::Detect);
  EXPECT_EQ(make_pose_task(plan, {16, 32}).detector, plan.spec.detector);
}

TEST(Plan, TheHashChangesWithEverythingThatTheResultDependsOn) {
  struct Case {
    const char* name;
    void (*change)(JobPlan&);
  };
  const auto hash = [](const JobPlan& plan) { return plan_ranges(plan).front().plan_hash; };
  std::set<std::string> hashes = {hash(steady(40))};
  for (const Case& one : {
           Case{"model", [](JobPlan& plan) { plan.spec.model_hash = "other"; }},
           Case{"batch", [](JobPlan& plan) { plan.spec.batch_size = 9; }},
           Case{"range", [](JobPlan& plan) { plan.spec.range_frames = 8; }},
           Case{"crf", [](JobPlan& plan) { plan.spec.encode.crf = 21; }},
           Case{"codec", [](JobPlan& plan) { plan.spec.encode.codec = "hevc"; }},
           Case{"tune", [](JobPlan& plan) { plan.spec.encode.tune = "film"; }},
           Case{"depth", [](JobPlan& plan) { plan.spec.encode.keep_depth = true; }},
           Case{"overlay", [](JobPlan& plan) { plan.spec.encode.is_overlay = true; }},
           Case{"encoder", [](JobPlan& plan) { plan.spec.encode.encoder = "nvenc"; }},
           Case{"preset", [](JobPlan& plan) { plan.spec.encode.preset = "slow"; }},
           Case{"pipeline", [](JobPlan& plan) { plan.spec.pipeline = Pipeline::Pose; }},
           Case{"nobody", [](JobPlan& plan) { plan.spec.box_source = BoxSource::Given; }},
           Case{"boxes",
                [](JobPlan& plan) {
                  plan.spec.box_source = BoxSource::Given;
                  plan.spec.boxes = {{0, {{0, 0, 1, 1, 1}}}};
                }},
           Case{"a box's last bit",
                [](JobPlan& plan) {
                  plan.spec.box_source = BoxSource::Given;
                  plan.spec.boxes = {{0, {{0, 0, 1.0000001f, 1, 1}}}};
                }},
           Case{"source", [](JobPlan& plan) { plan.source_sha256 = "other"; }},
           Case{"detector", [](JobPlan& plan) { plan.spec.box_source = BoxSource::Detect; }},
           Case{"conf",
                [](JobPlan& plan) {
                  plan.spec.box_source = BoxSource::Detect;
                  plan.spec.detector.conf = 0.3;
                }},
           Case{"tiles",
                [](JobPlan& plan) {
                  plan.spec.box_source = BoxSource::Detect;
                  plan.spec.detector.tiles = 2;
                }},
       }) {
    JobPlan plan = steady(40);
    one.change(plan);
    EXPECT_TRUE(hashes.insert(hash(plan)).second) << one.name;
  }
  std::size_t count = 0;
  for (const core::RangeRecord& record : plan_ranges(steady(400))) {
    hashes.insert(record.plan_hash);
    ++count;
  }
  EXPECT_EQ(hashes.size(), 18 + count);  // the first of them is known
}

TEST(Plan, ASavedPlanComesBackAsItWas) {
  TempDir folder;
  JobPlan plan = steady(100);
  plan.warnings = {"cut off after frame 99"};
  ASSERT_TRUE(save_plan(plan, folder.path()));
  const auto loaded = load_plan(plan.spec, folder.path());
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->table, plan.table);
  EXPECT_EQ(loaded->source, plan.source);
  EXPECT_EQ(loaded->source_sha256, plan.source_sha256);
  EXPECT_EQ(loaded->warnings, plan.warnings);
  EXPECT_EQ(plan_ranges(*loaded), plan_ranges(plan));
}

TEST(Plan, ADamagedPlanIsAnError) {
  for (const char* file : {"frame_table.bin", "plan.json"}) {
    for (const char* content : {"", "x", "{}", "{\"path\":1}", "[1,2,3,4,5]xxxxx"}) {
      SCOPED_TRACE(std::string(file) + ": " + content);
      TempDir folder;
      ASSERT_TRUE(save_plan(steady(10), folder.path()));
      write_file(folder / file, content);
      EXPECT_FALSE(load_plan(steady(10).spec, folder.path()));
    }
  }
  TempDir empty;
  EXPECT_FALSE(load_plan(steady(10).spec, empty.path()));
}

}  // namespace
}  // namespace posefleet::tests

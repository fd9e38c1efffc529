#include "coordinator/pipeline/growing_outputs.h"

#include <gtest/gtest.h>

#include "common/files/sha256.h"
#include "common/media/frame_table.h"
#include "common/wire/codec.h"
#include "tests/common/media/clips.h"

namespace posefleet {
namespace {

using tests::cut;
using tests::TempDir;

constexpr JobId kJob{7};

// A job whose segments are committed, each in a file of its own.
struct CommittedJob {
  TempDir folder;
  JobPlan plan;
  std::vector<RangeFile> segments;

  explicit CommittedJob(std::uint32_t count) {
    plan.source.path =
        tests::make_clip(folder, "clip.mp4", tests::picture(96, 64, "25", 2) + "-c:v libx264");
    plan.table = probe_frame_table(plan.source.path)->table;
    const auto ranges = cut(plan.table.frame_count(), count);
    const auto encoded = tests::encode_ranges(plan.source.path, plan.table, ranges);
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      const std::string bytes = encode(encoded[i]);
      RangeFile file{.range = RangeId{i + 1}, .stage = Stage::Render, .frames = ranges[i]};
      file.path = folder / ("segment-" + std::to_string(i));
      file.size = bytes.size();
      file.sha256 = sha256_hex(bytes);
      tests::write_file(file.path, bytes);
      segments.push_back(std::move(file));
    }
  }
  std::filesystem::path live() const { return folder / kLiveFile; }
  std::uint32_t frames_seen() const {
    const auto probed = probe_frame_table(live());
    return probed ? probed->table.frame_count() : 0;
  }
};

TEST(GrowingOutputs, ShowSegmentsInTheVideosOrderWhateverOrderTheyComeIn) {
  const CommittedJob job(5);
  GrowingOutputs outputs;
  const struct {
    std::size_t segment;
    std::uint32_t frames_then;
  } steps[] = {{2, 0}, {0, 10}, {4, 10}, {1, 30}, {3, 50}};
  for (const auto& step : steps) {
    SCOPED_TRACE(step.segment);
    outputs.add(kJob, job.plan, job.folder.path(), job.segments[step.segment]);
    const auto more = outputs.advance(kJob, 10);
    ASSERT_TRUE(more) << more.error().message;
    EXPECT_FALSE(*more);
    EXPECT_EQ(job.frames_seen(), step.frames_then);
  }
  outputs.remove(kJob);
  EXPECT_FALSE(std::filesystem::exists(job.live()));
}

TEST(GrowingOutputs, DoALittleAtATime) {
  const CommittedJob job(5);
  GrowingOutputs outputs;
  for (const RangeFile& segment : job.segments) {
    outputs.add(kJob, job.plan, job.folder.path(), segment);
  }
  EXPECT_TRUE(outputs.advance(kJob, 2).value());
  EXPECT_EQ(job.frames_seen(), 20u);
  // One that was shown is committed once more.
  outputs.add(kJob, job.plan, job.folder.path(), job.segments[0]);
  EXPECT_TRUE(outputs.advance(kJob, 2).value());
  EXPECT_FALSE(outputs.advance(kJob, 2).value());
  EXPECT_EQ(job.frames_seen(), 50u);
}

TEST(GrowingOutputs, AreGivenUpWhenASegmentIsNotWhatWasCommitted) {
  const CommittedJob job(3);
  tests::write_file(job.segments[1].path, "something else");
  GrowingOutputs outputs;
  outputs.add(kJob, job.plan, job.folder.path(), job.segments[0]);
  EXPECT_TRUE(outputs.advance(kJob, 10));
  outputs.add(kJob, job.plan, job.folder.path(), job.segments[1]);
  EXPECT_FALSE(outputs.advance(kJob, 10));
  EXPECT_FALSE(std::filesystem::exists(job.live()));
  outputs.add(kJob, job.plan, job.folder.path(), job.segments[2]);
  const auto after = outputs.advance(kJob, 10);
  ASSERT_TRUE(after);
  EXPECT_FALSE(*after);
  EXPECT_FALSE(outputs.advance(JobId{8}, 10).value()) << "a job that nobody watches";
}

}  // namespace
}  // namespace posefleet

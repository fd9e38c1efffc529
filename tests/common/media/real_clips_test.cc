// The whole way of real footage: decode, encode in pieces, join, verify.
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "common/media/frame_table.h"
#include "common/media/stitch.h"
#include "common/media/verify.h"
#include "tests/common/media/clips.h"

namespace posefleet {
namespace {

using tests::TempDir;

TEST(RealClips, KeepCountTimesAndSoundThroughTheWholeWay) {
  const auto clips = tests::require_folder(std::filesystem::path(POSEFLEET_SHARED_DIR) / "clips");
  const struct {
    const char* name;
    std::uint32_t frames;
    std::uint64_t audio_packets;
    std::int64_t first_pts;  // ticks of 1/11988 s
  } cases[] = {{"snowboard-a.mp4", 99, 143, 72}, {"snowboard-b.mov", 113, 163, 0}};
  const TempDir folder;
  for (const auto& test : cases) {
    SCOPED_TRACE(test.name);
    const auto path = clips / test.name;
    const auto probed = probe_frame_table(path);
    ASSERT_TRUE(probed) << probed.error().message;
    const FrameTable& table = probed->table;
    EXPECT_EQ(table.frame_count(), test.frames);
    EXPECT_EQ(probed->audio_packets, test.audio_packets);
    EXPECT_EQ(table.pts.front(), test.first_pts);
    EXPECT_EQ(table.pts, tests::ffprobe_times(path));
    const auto segments = tests::encode_ranges(path, table, tests::cut(table.frame_count(), 4));
    const auto out = folder / (std::string("out-") + test.name);
    const auto report = stitch(path, table, tests::from_memory(segments), segments.size(), out);
    ASSERT_TRUE(report) << report.error().message;
    const auto verified = verify_output(out, path, table, {.decode_frames = true});
    ASSERT_TRUE(verified) << verified.error().message;
    EXPECT_EQ(verified->frames, test.frames);
    EXPECT_EQ(verified->frames_decoded, test.frames);
    EXPECT_EQ(verified->audio_packets, test.audio_packets);
    EXPECT_TRUE(verified->video_times_exact);
    EXPECT_TRUE(verified->audio_times_exact);
    EXPECT_EQ(tests::ffprobe_times(out), table.pts);
  }
}

}  // namespace
}  // namespace posefleet

// A file that is watched while it is written.
#include "common/media/growing_file.h"

#include <gtest/gtest.h>

#include "common/media/frame_table.h"
#include "common/media/verify.h"
#include "common/protocol/output_codec.h"
#include "tests/common/media/clips.h"

namespace posefleet {
namespace {

using tests::cut;
using tests::encode_ranges;
using tests::ffmpeg_hashes;
using tests::make_clip;
using tests::picture;
using tests::TempDir;
using tests::tone;

TEST(GrowingFile, ShowsEachSegmentAsSoonAsItIsThere) {
  for (const char* codec : {"h264", "hevc", "av1"}) {
    SCOPED_TRACE(codec);
    const TempDir folder;
    const auto path =
        make_clip(folder, "source.mp4", picture(96, 64, "25", 2) + tone(2) + "-c:v libx264 -bf 3");
    const FrameTable table = probe_frame_table(path)->table;
    const EncodeSettings settings = {.codec = codec, .preset = "ultrafast"};
    ASSERT_TRUE(can_grow(settings));
    const auto ranges = cut(table.frame_count(), 4);
    const auto segments = encode_ranges(path, table, ranges, settings);
    const auto out = folder / "live.mp4";
    GrowingFile file(path, table, out);
    for (std::size_t i = 0; i < segments.size(); ++i) {
      const Status appended = file.append(segments[i]);
      ASSERT_TRUE(appended) << appended.error().message;
      EXPECT_EQ(file.frames(), ranges[i].end);
      // Read by another while it is open.
      const auto seen = probe_frame_table(out);
      ASSERT_TRUE(seen) << seen.error().message;
      EXPECT_EQ(seen->table.frame_count(), ranges[i].end);
      EXPECT_EQ(ffmpeg_hashes(out, "yuv420p").size(), ranges[i].end);
      EXPECT_GT(seen->audio_packets, 0u);
    }
    const auto verified = verify_output(out, path, table, {.decode_frames = true});
    EXPECT_TRUE(verified) << verified.error().message;
  }
}

TEST(GrowingFile, RefusesSegmentsOutOfOrder) {
  const TempDir folder;
  const auto path = make_clip(folder, "source.mp4", picture(96, 64, "25", 1) + "-c:v libx264");
  const FrameTable table = probe_frame_table(path)->table;
  const auto segments = encode_ranges(path, table, cut(table.frame_count(), 3));
  GrowingFile file(path, table, folder / "live.mp4");
  ASSERT_TRUE(file.append(segments[0]));
  const Status wrong = file.append(segments[2]);
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("segment 1 has a frame at tick"), std::string::npos)
      << wrong.error().message;
}

TEST(GrowingFile, IsOnlyForWhatPlayersKnow) {
  EXPECT_FALSE(can_grow({.codec = "prores"}));
  EXPECT_FALSE(can_grow({.codec = "png"}));
  EXPECT_FALSE(can_grow({.codec = "vp9", .is_overlay = true}));
}

}  // namespace
}  // namespace posefleet

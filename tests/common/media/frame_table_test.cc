#include "common/media/frame_table.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/common/media/clips.h"

namespace posefleet {
namespace {

using tests::make_clip;
using tests::picture;
using tests::TempDir;
using tests::tone;

const std::string kX264 = "-c:v libx264 -preset veryfast ";
const std::string kOpenGroups =
    kX264 + "-x264-params keyint=15:bframes=4:open-gop=1:b-pyramid=normal:scenecut=0 ";

// The picture starts 0.35 s after the sound.
std::filesystem::path offset_clip(const TempDir& folder) {
  const auto even = make_clip(folder, "even.mp4", picture(96, 64, "25", 1) + tone(1) + kX264);
  return make_clip(folder, "offset.mp4",
                   "-itsoffset 0.35 -i '" + even.string() + "' -i '" + even.string() +
                       "' -map 0:v -map 1:a -c copy");
}

TEST(FrameTable, HasTheTimesThatFfprobeFindsByDecoding) {
  const struct {
    const char* name;
    std::string arguments;
  } cases[] = {
      {"open.mp4", picture(96, 64, "25", 2) + tone(2) + kOpenGroups},
      {"open.mkv", picture(96, 64, "25", 2) + tone(2) + kOpenGroups},
      {"open.ts", picture(96, 64, "25", 2) + tone(2) + kOpenGroups},
      {"fragmented.mp4",
       picture(96, 64, "25", 2) + kOpenGroups + "-movflags frag_keyframe+empty_moov"},
      {"variable.mp4",
       picture(96, 64, "30", 2) + "-vf \"select='not(eq(mod(n,5),2))'\" -vsync vfr " + kX264},
      {"variable.mkv",
       picture(96, 64, "30", 2) + "-vf \"select='not(eq(mod(n,5),2))'\" -vsync vfr " + kX264},
      {"mpeg4.avi", picture(96, 64, "25", 2) + tone(2) + "-c:v mpeg4 -bf 2 -g 12 -c:a libmp3lame"},
      {"ntsc.mov", picture(96, 64, "30000/1001", 2) + kX264},
      {"mpeg2.mpg", picture(96, 64, "25", 2) + "-c:v mpeg2video -bf 2"},
      {"vp8.webm", picture(96, 64, "25", 2) + "-c:v libvpx -auto-alt-ref 1 -lag-in-frames 16"},
      {"hevc.mp4",
       picture(96, 64, "25", 2) + "-c:v libx265 -x265-params log-level=none:keyint=15:bframes=4"},
  };
  const TempDir folder;
  for (const auto& test : cases) {
    SCOPED_TRACE(test.name);
    const auto path = make_clip(folder, test.name, test.arguments);
    const auto probed = probe_frame_table(path);
    ASSERT_TRUE(probed) << probed.error().message;
    EXPECT_EQ(probed->table.pts, tests::ffprobe_times(path));
    EXPECT_FALSE(probed->table.needs_sequential_decode);
    EXPECT_TRUE(std::is_sorted(probed->table.pts.begin(), probed->table.pts.end()));
    EXPECT_EQ(probed->table.width, 96u);
    EXPECT_EQ(probed->table.height, 64u);
    EXPECT_FALSE(probed->table.keys.empty());
    EXPECT_TRUE(probed->warnings.empty()) << probed->warnings.front();
  }
}

TEST(FrameTable, CountsTheSoundAndKeepsItsOffset) {
  const TempDir folder;
  const auto path = offset_clip(folder);
  const auto probed = probe_frame_table(path);
  ASSERT_TRUE(probed) << probed.error().message;
  EXPECT_EQ(probed->audio_streams, 1u);
  EXPECT_GE(probed->audio_packets, 43u);  // 44100 samples in packets of 1024
  const FrameTable& table = probed->table;
  EXPECT_EQ(table.pts.front() * table.time_base.num * 100, 35 * table.time_base.den);
  EXPECT_EQ(table.pts, tests::ffprobe_times(path));
}

// Where a white mark in the stored picture's upper left corner is when a player shows it.
std::string corner_shown(const TempDir& folder, const std::filesystem::path& path) {
  const auto raw = make_clip(folder, "shown.gray",
                             "-i '" + path.string() + "' -frames:v 1 -pix_fmt gray -f rawvideo");
  const std::string pixels = tests::read_file(raw);
  const std::size_t side = 64;
  EXPECT_EQ(pixels.size(), side * side);
  const auto is_white = [&](std::size_t x, std::size_t y) {
    return static_cast<unsigned char>(pixels[y * side + x]) > 128;
  };
  if (is_white(4, 4)) return "upper left";
  if (is_white(side - 5, 4)) return "upper right";
  if (is_white(side - 5, side - 5)) return "lower right";
  return is_white(4, side - 5) ? "lower left" : "nowhere";
}

TEST(FrameTable, SaysByHowManyQuartersPlayersTurnThePicture) {
  const TempDir folder;
  const auto stored = make_clip(folder, "stored.mp4",
                                "-f lavfi -i color=black:size=64x64:duration=0.1:rate=25 "
                                "-vf drawbox=0:0:16:16:white:fill -pix_fmt yuv420p " +
                                    kX264);
  const std::vector<std::string> corners = {"upper left", "upper right", "lower right",
                                            "lower left"};
  std::vector<bool> seen(4);
  for (const char* degrees : {"0", "90", "180", "270"}) {
    SCOPED_TRACE(degrees);
    const auto turned = make_clip(
        folder, "turned.mp4",
        "-i '" + stored.string() + "' -c copy -metadata:s:v rotate=" + std::string(degrees));
    const auto quarters =
        static_cast<std::size_t>(probe_frame_table(turned)->table.rotation_quarters);
    ASSERT_LT(quarters, 4u);
    EXPECT_EQ(corners[quarters], corner_shown(folder, turned));
    seen[quarters] = true;
  }
  EXPECT_EQ(seen, std::vector<bool>(4, true));
}

TEST(FrameTable, DecodesOnceWherePacketsDoNotTellTheOrder) {
  const struct {
    const char* name;
    std::string arguments;
  } cases[] = {
      {"raw.h264", picture(96, 64, "25", 1) + kX264 + "-bf 3 -f h264"},
      {"xvid.avi", picture(96, 64, "25", 1) + "-c:v libxvid -bf 2 -g 12"},
      {"xvid.mkv", picture(96, 64, "25", 1) + "-c:v libxvid -bf 2 -g 12"},
  };
  const TempDir folder;
  for (const auto& test : cases) {
    SCOPED_TRACE(test.name);
    const auto path = make_clip(folder, test.name, test.arguments);
    const auto probed = probe_frame_table(path);
    ASSERT_TRUE(probed) << probed.error().message;
    EXPECT_TRUE(probed->table.needs_sequential_decode);
    EXPECT_EQ(probed->table.frame_count(), tests::ffmpeg_hashes(path, "yuv420p").size());
    EXPECT_EQ(std::adjacent_find(probed->table.pts.begin(), probed->table.pts.end(),
                                 std::greater_equal<>()),
              probed->table.pts.end());
  }
}

TEST(FrameTable, RefusesWhatIsAboveTheLimits) {
  const TempDir folder;
  const auto path = make_clip(folder, "clip.mp4", picture(96, 64, "25", 1) + kX264);
  const auto too_wide = probe_frame_table(path, {.side_max = 95});
  ASSERT_FALSE(too_wide);
  EXPECT_NE(too_wide.error().message.find("96x64 pixels; at most 95"), std::string::npos)
      << too_wide.error().message;
  const auto too_long = probe_frame_table(path, {.frames_max = 24});
  ASSERT_FALSE(too_long);
  EXPECT_NE(too_long.error().message.find("more than 24 frames"), std::string::npos)
      << too_long.error().message;
  EXPECT_TRUE(probe_frame_table(path, {.side_max = 96, .frames_max = 25}));
}

TEST(FrameTable, KeepsTheFramesOfACutOffFileAndSaysSo) {
  const TempDir folder;
  const struct {
    const char* name;
    std::string options;
  } cases[] = {{"clip.mkv", ""}, {"clip.mp4", "-movflags faststart"}, {"clip.ts", ""}};
  for (const auto& test : cases) {
    SCOPED_TRACE(test.name);
    const auto path =
        make_clip(folder, test.name, picture(96, 64, "25", 2) + kOpenGroups + test.options);
    const auto whole = probe_frame_table(path);
    ASSERT_TRUE(whole);
    const std::string bytes = tests::read_file(path);
    const auto part = folder / (std::string("part-") + test.name);
    tests::write_file(part, bytes.substr(0, bytes.size() * 6 / 10));
    const auto probed = probe_frame_table(part);
    ASSERT_TRUE(probed) << probed.error().message;
    EXPECT_GT(probed->table.frame_count(), 5u);
    EXPECT_LT(probed->table.frame_count(), whole->table.frame_count());
    for (const std::int64_t pts : probed->table.pts) {
      EXPECT_TRUE(std::binary_search(whole->table.pts.begin(), whole->table.pts.end(), pts));
    }
    if (std::string(test.name) != "clip.ts") {  // a stream has no end to miss
      ASSERT_FALSE(probed->warnings.empty());
      EXPECT_NE(probed->warnings.front().find(part.string()), std::string::npos);
    }
  }
}

TEST(SourceIdentity, NoticesThatAFileChanged) {
  const TempDir folder;
  const auto path = folder / "source.bin";
  tests::write_file(path, "12345");
  const auto identity = identify_source(path);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->size, 5u);
  EXPECT_TRUE(check_source_unchanged(*identity));

  SourceFile touched = *identity;
  touched.modified_ns -= 1;
  const auto newer = check_source_unchanged(touched);
  ASSERT_FALSE(newer);
  EXPECT_NE(newer.error().message.find("was written to"), std::string::npos);

  tests::write_file(path, "123456");
  const auto longer = check_source_unchanged(*identity);
  ASSERT_FALSE(longer);
  EXPECT_NE(longer.error().message.find("6 bytes, before 5"), std::string::npos);

  std::filesystem::remove(path);
  EXPECT_FALSE(check_source_unchanged(*identity));
}

}  // namespace
}  // namespace posefleet

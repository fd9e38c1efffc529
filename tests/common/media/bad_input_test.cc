// Files that are no video, or were one: every answer is an error that names the file, or frames.
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/media/decoder.h"
#include "common/media/encoder.h"
#include "common/media/frame_table.h"
#include "common/media/stitch.h"
#include "tests/common/media/clips.h"

namespace posefleet {
namespace {

using tests::make_clip;
using tests::picture;
using tests::TempDir;
using tests::tone;

const std::string kX264 = "-c:v libx264 -preset veryfast -x264-params keyint=10:bframes=2 ";

TEST(BadInput, IsRefusedWithItsOwnMessage) {
  const TempDir folder;
  const auto whole =
      tests::read_file(make_clip(folder, "whole.mp4", picture(96, 64, "25", 1) + tone(1) + kX264));
  make_clip(folder, "sound.mp4", tone(1) + "-c:a aac");
  std::filesystem::create_directory(folder / "folder.mp4");
  tests::write_file(folder / "empty.mp4", "");
  tests::write_file(folder / "text.mp4", "This is a letter.\nIt has no frames.\n");
  tests::write_file(folder / "page.mp4", "<!DOCTYPE html><html><body>404</body></html>");
  tests::write_file(folder / "zeros.mp4", std::string(50'000, '\0'));
  tests::write_file(folder / "half.mp4", whole.substr(0, whole.size() / 2));
  tests::write_file(folder / "header.mp4", whole.substr(0, 40));
  tests::write_file(folder / "list.mp4",
                    "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nwhole.mp4\n#EXT-X-ENDLIST\n");
  tests::write_file(folder / "script.mp4", "ffconcat version 1.0\nfile whole.mp4\n");
  const struct {
    const char* name;
    const char* message;
  } cases[] = {
      {"missing.mp4", "No such file or directory"},
      {"folder.mp4", "is a folder"},
      {"empty.mp4", "is empty"},
      {"text.mp4", "is not a video file"},
      {"page.mp4", "is not a video file"},
      {"zeros.mp4", "is not a video file"},
      {"half.mp4", "is cut off: the index (moov)"},
      {"header.mp4", "is cut off: the index (moov)"},
      {"sound.mp4", "has no video stream, only sound"},
      // Play lists would make FFmpeg open other files in the server's name.
      {"list.mp4", "is not a video file"},
      {"script.mp4", "is not a video file"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.name);
    const auto probed = probe_frame_table(folder / test.name);
    ASSERT_FALSE(probed);
    EXPECT_EQ(probed.error().code, ErrorCode::Rejected);
    EXPECT_NE(probed.error().message.find(test.message), std::string::npos)
        << probed.error().message;
    EXPECT_NE(probed.error().message.find((folder / test.name).string()), std::string::npos);
  }
}

// Goes the whole way with whatever is left of a file. Any error is right; so is any video.
void use_up(const std::filesystem::path& path, const std::filesystem::path& out) {
  const auto probed = probe_frame_table(path);
  if (!probed) {
    EXPECT_NE(probed.error().message, "");
    return;
  }
  const FrameTable& table = probed->table;
  ASSERT_GT(table.frame_count(), 0u);
  auto decoder = RangeDecoder::open(path, table, {table.frame_count() / 2, table.frame_count()});
  if (!decoder) return;
  std::vector<EncodedSegment> segments;
  for (std::uint32_t i = table.frame_count() / 2; i < table.frame_count(); ++i) {
    const auto frame = decoder->next();
    if (!frame) return;
    ASSERT_TRUE(frame->has_value());
    ASSERT_EQ((*frame)->pts(), table.pts[i]);
  }
  segments = {EncodedSegment{}};
  EXPECT_FALSE(stitch(path, table, tests::from_memory(segments), 1, out));
}

TEST(BadInput, CutAtAnyPlaceGivesFramesOrAnError) {
  const TempDir folder;
  for (const char* name : {"a.mp4", "a.mkv", "a.ts", "a.avi", "fast.mp4"}) {
    SCOPED_TRACE(name);
    const bool fast = std::string(name) == "fast.mp4";
    const std::string whole = tests::read_file(make_clip(
        folder, name,
        picture(96, 64, "25", 1) + tone(1) + kX264 + (fast ? "-movflags faststart" : "")));
    for (const double share : {0.001, 0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.9999}) {
      SCOPED_TRACE(share);
      const auto path = folder / (std::string("part-") + name);
      tests::write_file(
          path,
          whole.substr(0, static_cast<std::size_t>(share * static_cast<double>(whole.size()))));
      use_up(path, folder / "out.mp4");
    }
  }
}

TEST(BadInput, FlippedBytesGiveFramesOrAnError) {
  const TempDir folder;
  std::mt19937 random(11);
  for (const char* name : {"a.mp4", "a.mkv", "a.ts", "a.avi"}) {
    SCOPED_TRACE(name);
    const std::string whole =
        tests::read_file(make_clip(folder, name, picture(96, 64, "25", 0.6) + tone(0.6) + kX264));
    for (int variant = 0; variant < 20; ++variant) {
      SCOPED_TRACE(variant);
      std::string bytes = whole;
      // Half of the variants hit the headers, where the sizes and counts are.
      const std::size_t reach =
          variant % 2 == 0 ? bytes.size() : std::min<std::size_t>(2000, bytes.size());
      for (int i = 0; i < 6; ++i) bytes[random() % reach] ^= static_cast<char>(1 + random() % 255);
      // An MP4's index lies at its end.
      if (variant % 4 == 3) bytes[bytes.size() - 1 - random() % 1500] ^= 0x55;
      const auto path = folder / (std::string("flipped-") + name);
      tests::write_file(path, bytes);
      use_up(path, folder / "out.mp4");
    }
  }
}

}  // namespace
}  // namespace posefleet

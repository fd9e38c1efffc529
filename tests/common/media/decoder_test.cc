#include "common/media/decoder.h"

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/media/frame_table.h"
#include "tests/common/media/clips.h"

namespace posefleet {
namespace {

using tests::make_clip;
using tests::picture;
using tests::TempDir;
using tests::tone;

struct Decoded {
  std::vector<std::int64_t> pts;
  std::vector<std::string> hashes;
  std::string error;
};

Decoded decode(const std::filesystem::path& path, const FrameTable& table, FrameRange range) {
  Decoded decoded;
  auto decoder = RangeDecoder::open(path, table, range);
  if (!decoder) {
    decoded.error = decoder.error().message;
    return decoded;
  }
  for (;;) {
    auto frame = decoder->next();
    if (!frame) {
      decoded.error = frame.error().message;
      return decoded;
    }
    if (!frame->has_value()) return decoded;
    decoded.pts.push_back((*frame)->pts());
    decoded.hashes.push_back(tests::hash_of(**frame));
  }
}

// The ends of the file, neighbours of key frames, and what chance adds; the same in every run.
std::vector<FrameRange> some_ranges(std::uint32_t frames) {
  std::vector<FrameRange> ranges = {{0, frames}, {0, 1},   {frames - 1, frames},
                                    {14, 16},    {15, 16}, {16, 31}};
  std::mt19937 random(20240607);
  for (int i = 0; i < 10; ++i) {
    const std::uint32_t first = static_cast<std::uint32_t>(random()) % frames;
    const std::uint32_t size = 1 + static_cast<std::uint32_t>(random()) % (frames - first);
    ranges.push_back({first, first + size});
  }
  return ranges;
}

void expect_ranges_equal_straight_decode(const std::filesystem::path& path,
                                         const std::string& pixel_format) {
  const auto probed = probe_frame_table(path);
  ASSERT_TRUE(probed) << probed.error().message;
  const FrameTable& table = probed->table;
  const std::vector<std::string> straight = tests::ffmpeg_hashes(path, pixel_format);
  ASSERT_EQ(straight.size(), table.pts.size());
  for (const FrameRange range : some_ranges(table.frame_count())) {
    SCOPED_TRACE(testing::Message() << "[" << range.first << ", " << range.end << ")");
    const Decoded decoded = decode(path, table, range);
    EXPECT_EQ(decoded.error, "");
    EXPECT_EQ(decoded.pts, std::vector<std::int64_t>(table.pts.begin() + range.first,
                                                     table.pts.begin() + range.end));
    EXPECT_EQ(decoded.hashes, std::vector<std::string>(straight.begin() + range.first,
                                                       straight.begin() + range.end));
  }
}

const std::string kX264 = "-c:v libx264 -preset veryfast -x264-params ";

TEST(RangeDecoder, GivesTheBitsOfAStraightDecodeForAnyRange) {
  const std::string clip = picture(96, 64, "25", 2);
  const std::string open_groups = kX264 + "keyint=15:bframes=4:open-gop=1:scenecut=0 ";
  const struct {
    const char* name;
    std::string arguments;
    const char* pixel_format = "yuv420p";
  } cases[] = {
      {"long-groups.mp4", clip + kX264 + "keyint=250:bframes=8:b-pyramid=normal"},
      {"open.mp4", clip + tone(2) + open_groups},
      {"open.mkv", clip + tone(2) + open_groups},
      {"open.ts", clip + tone(2) + open_groups},
      {"fragmented.mp4", clip + open_groups + "-movflags frag_keyframe+empty_moov"},
      {"intra-refresh.mp4", clip + kX264 + "intra-refresh=1:keyint=15"},
      {"interlaced.mp4", clip + kX264 + "keyint=15:tff=1"},
      {"variable.mkv",
       picture(96, 64, "30", 2) + "-vf \"select='not(eq(mod(n,5),2))'\" -vsync vfr " + open_groups},
      {"mpeg4.avi", clip + "-c:v mpeg4 -bf 2 -g 12"},
      {"mpeg2.ts", clip + "-c:v mpeg2video -bf 2 -g 12"},
      {"mpeg2.mpg", clip + "-c:v mpeg2video -bf 2 -g 12"},
      {"vp8.webm", clip + "-c:v libvpx -g 15 -auto-alt-ref 1 -lag-in-frames 16"},
      {"vp9.webm", clip + "-c:v libvpx-vp9 -g 15 -deadline realtime -cpu-used 8"},
      {"hevc.mp4", clip + "-c:v libx265 -x265-params log-level=none:keyint=15:bframes=4"},
      {"xvid.avi", clip + "-c:v libxvid -bf 2 -g 12"},
      {"raw.h264", clip + kX264 + "keyint=15:bframes=3 -f h264"},
      {"odd.mkv", picture(97, 65, "25", 2) + "-pix_fmt yuv420p -c:v ffv1 -g 10"},
      {"422.mkv", clip + "-pix_fmt yuv422p " + open_groups, "yuv422p"},
      {"444.mkv", clip + "-pix_fmt yuv444p " + open_groups, "yuv444p"},
      {"motion-jpeg.mov", clip + "-pix_fmt yuvj420p -c:v mjpeg", "yuvj420p"},
  };
  const TempDir folder;
  for (const auto& test : cases) {
    SCOPED_TRACE(test.name);
    expect_ranges_equal_straight_decode(make_clip(folder, test.name, test.arguments),
                                        test.pixel_format);
  }
}

TEST(RangeDecoder, IsRightAfterACutThatLeftAnEditList) {
  const TempDir folder;
  const auto whole =
      make_clip(folder, "whole.mp4", picture(96, 64, "25", 3) + kX264 + "keyint=20:bframes=3");
  const auto part = make_clip(folder, "part.mp4", "-ss 0.5 -i '" + whole.string() + "' -c copy");
  expect_ranges_equal_straight_decode(part, "yuv420p");
}

TEST(RangeDecoder, GivesTheSameBitsWithSeveralThreads) {
  const TempDir folder;
  const auto path =
      make_clip(folder, "clip.mp4", picture(96, 64, "25", 2) + kX264 + "keyint=15:bframes=3");
  const FrameTable table = probe_frame_table(path)->table;
  const Decoded one = decode(path, table, {7, 40});
  auto decoder = RangeDecoder::open(path, table, {7, 40}, {.threads = 3});
  ASSERT_TRUE(decoder);
  for (const std::string& hash : one.hashes) {
    auto frame = decoder->next();
    ASSERT_TRUE(frame && frame->has_value());
    EXPECT_EQ(tests::hash_of(**frame), hash);
  }
}

TEST(RangeDecoder, ConvertsDeepColourToEightBits) {
  const TempDir folder;
  const auto path =
      make_clip(folder, "ten.mkv", picture(96, 64, "25", 0.4) + "-pix_fmt yuv420p10le -c:v ffv1");
  const FrameTable table = probe_frame_table(path)->table;
  RangeDecoder decoder = RangeDecoder::open(path, table, {0, 1}).value();
  auto frame = decoder.next().value();
  ASSERT_TRUE(frame.has_value());
  // The same picture without the detour over ten bits.
  const auto eight =
      make_clip(folder, "eight.mkv", picture(96, 64, "25", 0.4) + "-pix_fmt yuv420p -c:v ffv1");
  RangeDecoder direct = RangeDecoder::open(eight, probe_frame_table(eight)->table, {0, 1}).value();
  auto expected = direct.next().value();
  const YuvPlanes a = frame->planes();
  const YuvPlanes b = expected->planes();
  int difference_max = 0;
  for (int row = 0; row < a.height; ++row) {
    for (int x = 0; x < a.width; ++x) {
      const int difference = a.data[0][row * a.stride[0] + x] - b.data[0][row * b.stride[0] + x];
      difference_max = std::max(difference_max, std::abs(difference));
    }
  }
  EXPECT_LE(difference_max, 1);
}

TEST(RangeDecoder, RefusesRangesThatTheTableDoesNotHave) {
  const TempDir folder;
  const auto path = make_clip(folder, "clip.mp4", picture(96, 64, "25", 0.4) + kX264 + "keyint=5");
  const FrameTable table = probe_frame_table(path)->table;
  ASSERT_EQ(table.frame_count(), 10u);
  for (const FrameRange range : {FrameRange{0, 11}, FrameRange{5, 5}, FrameRange{6, 5}}) {
    SCOPED_TRACE(testing::Message() << range.first << " " << range.end);
    EXPECT_NE(decode(path, table, range).error.find("cannot be decoded: it has 10"),
              std::string::npos);
  }
}

TEST(RangeDecoder, RepeatsThePictureBeforeAFrameThatIsMissing) {
  const TempDir folder;
  const auto path =
      make_clip(folder, "clip.mkv", picture(96, 64, "25", 1) + kX264 + "keyint=5:bframes=0");
  FrameTable table = probe_frame_table(path)->table;
  table.pts[12] += 1;  // a time that no frame of the file has
  auto decoder = RangeDecoder::open(path, table, {10, 20}).value();
  std::vector<std::string> hashes;
  for (auto frame = decoder.next().value(); frame.has_value(); frame = decoder.next().value()) {
    EXPECT_EQ(frame->pts(), table.pts[10 + hashes.size()]);
    hashes.push_back(tests::hash_of(*frame));
  }
  ASSERT_EQ(hashes.size(), 10u);
  // What the decoder had given last: the picture of the time that is not asked for any more.
  EXPECT_EQ(hashes[2], decode(path, probe_frame_table(path)->table, {12, 13}).hashes[0]);
  EXPECT_EQ(decoder.damaged_frames(), std::vector<std::uint32_t>{12});
}

TEST(VideoFrame, CopiesItsSamplesBeforeTheyAreDrawnOn) {
  // Later frames are predicted from this one: what is drawn on it must not show up in them.
  const TempDir folder;
  const auto path =
      make_clip(folder, "clip.mp4", picture(96, 64, "25", 0.4) + kX264 + "keyint=50:bframes=0");
  const FrameTable table = probe_frame_table(path)->table;
  const Decoded untouched = decode(path, table, {0, 10});
  RangeDecoder decoder = RangeDecoder::open(path, table, {0, 10}).value();
  for (std::size_t i = 0; i < 10; ++i) {
    auto frame = decoder.next().value();
    EXPECT_EQ(tests::hash_of(*frame), untouched.hashes[i]) << i;
    const YuvPlanes planes = frame->planes();
    for (int row = 0; row < planes.height; ++row) {
      std::fill_n(planes.data[0] + row * planes.stride[0], planes.width, std::uint8_t{200});
    }
  }
}

TEST(VideoFrame, TurnsIntoThePixelsOfFfmpegsExactConversion) {
  const TempDir folder;
  for (const int width : {96, 97, 101, 111, 8, 3}) {
    SCOPED_TRACE(width);
    const auto path =
        make_clip(folder, "clip.mkv", picture(width, 33, "25", 0.2) + "-pix_fmt yuv420p -c:v ffv1");
    const FrameTable table = probe_frame_table(path)->table;
    const std::string expected =
        tests::run("ffmpeg -nostdin -v quiet -i '" + path.string() +
                   "' -vf scale=flags=bilinear+bitexact+accurate_rnd,format=bgr24 -f rawvideo -");
    std::string pixels;
    RangeDecoder decoder = RangeDecoder::open(path, table, {0, table.frame_count()}).value();
    for (auto frame = decoder.next().value(); frame.has_value(); frame = decoder.next().value()) {
      const BgrImage image = to_bgr(*frame).value();
      pixels.append(image.pixels.begin(), image.pixels.end());
    }
    EXPECT_TRUE(pixels == expected);
  }
}

TEST(VideoFrame, TurnsIntoTheColoursThatWereEncoded) {
  const struct {
    const char* name;
    const char* size;
    const char* matrix;  // of the file's tag
    const char* range;
  } cases[] = {
      {"small, untagged", "64x64", "", ""},        {"601 limited", "64x64", "smpte170m", "tv"},
      {"709 limited", "64x64", "bt709", "tv"},     {"709 full", "64x64", "bt709", "pc"},
      {"2020 limited", "64x64", "bt2020nc", "tv"}, {"high, untagged", "64x720", "", ""},
  };
  const TempDir folder;
  for (const auto& test : cases) {
    SCOPED_TRACE(test.name);
    const std::string matrix = test.matrix;
    const bool high = std::string(test.size) == "64x720";
    // scale does the conversion from RGB by the named matrix; untagged means what players guess.
    const std::string to = !matrix.empty() ? matrix : high ? "bt709" : "smpte170m";
    const std::string range = *test.range != '\0' ? test.range : "tv";
    const std::string tags = matrix.empty() ? "" : "-colorspace " + matrix + " ";
    const auto path =
        make_clip(folder, "colour.mkv",
                  std::string("-f lavfi -i color=c=0xC83214:size=") + test.size +
                      ":rate=25:duration=0.04,format=gbrp -vf scale=out_color_matrix=" + to +
                      ":out_range=" + range + ",format=yuv444p -color_range " + range + " " + tags +
                      "-c:v libx264 -qp 0");
    const FrameTable table = probe_frame_table(path)->table;
    RangeDecoder decoder = RangeDecoder::open(path, table, {0, 1}).value();
    const auto frame = decoder.next().value();
    const BgrImage image = to_bgr(*frame).value();
    const std::size_t centre =
        3 * (static_cast<std::size_t>(image.height / 2) * image.width + image.width / 2);
    EXPECT_NEAR(image.pixels[centre], 0x14, 3);
    EXPECT_NEAR(image.pixels[centre + 1], 0x32, 3);
    EXPECT_NEAR(image.pixels[centre + 2], 0xC8, 3);
  }
}

}  // namespace
}  // namespace posefleet

// Every codec an output can have: pieces that were made apart become one exact file.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/media/decoder.h"
#include "common/media/encoder.h"
#include "common/media/encoder_presence.h"
#include "common/media/frame_table.h"
#include "common/media/picture_files.h"
#include "common/media/stitch.h"
#include "common/media/verify.h"
#include "common/protocol/output_codec.h"
#include "tests/common/media/clips.h"

namespace posefleet {
namespace {

using tests::cut;
using tests::encode_ranges;
using tests::ffmpeg_hashes;
using tests::from_memory;
using tests::make_clip;
using tests::picture;
using tests::run;
using tests::TempDir;

// Lossless, in any pixel format; what an encoder makes of it is its own doing.
std::string source_in(const char* format, double seconds) {
  return picture(96, 64, "25", seconds) + "-pix_fmt " + format + " -c:v ffv1";
}

std::string look_of(const std::filesystem::path& file, const char* entries) {
  std::string text = run(std::string("ffprobe -v error -select_streams v:0 -of "
                                     "default=noprint_wrappers=1:nokey=1 -show_entries stream=") +
                         entries + " '" + file.string() + "'");
  for (char& letter : text) {
    if (letter == '\n') letter = ' ';
  }
  return text;
}

// The part of a table that one segment covers, as a video of its own.
FrameTable part_of(const FrameTable& table, const FrameRange& range) {
  FrameTable part = table;
  part.pts.assign(table.pts.begin() + range.first, table.pts.begin() + range.end);
  return part;
}

TEST(Codecs, StitchExactlyInEachOfTheirContainers) {
  struct Case {
    const char* codec;
    const char* container;
    const char* source_format;
    const char* out_format;
    bool keep_depth = false;
  };
  for (const Case& test : {
           Case{"h264", "mp4", "yuv420p", "yuv420p"},
           Case{"h264", "mkv", "yuv422p10le", "yuv422p"},
           Case{"h264", "mov", "yuv422p10le", "yuv422p10le", true},
           Case{"hevc", "mp4", "yuv420p", "yuv420p"},
           Case{"hevc", "mov", "yuv420p10le", "yuv420p10le", true},
           Case{"hevc", "mkv", "yuv444p", "yuv444p"},
           Case{"av1", "mp4", "yuv420p", "yuv420p"},
           Case{"av1", "mkv", "yuv444p10le", "yuv420p10le", true},
           Case{"av1", "webm", "yuv420p", "yuv420p"},
           Case{"vp9", "webm", "yuv420p", "yuv420p"},
           Case{"vp9", "mkv", "yuv422p", "yuv422p"},
           Case{"prores", "mov", "yuv420p", "yuv422p10le"},
           // FFmpeg decodes 4444 to 12 bits, whatever it was made from.
           Case{"prores", "mkv", "yuv444p", "yuv444p12le"},
           Case{"ffv1", "mkv", "yuv420p", "yuv420p"},
           Case{"ffv1", "mkv", "yuv422p12le", "yuv422p12le"},
       }) {
    SCOPED_TRACE(testing::Message()
                 << test.codec << " from " << test.source_format << " in " << test.container);
    const TempDir folder;
    const auto path = make_clip(folder, "source.mkv", source_in(test.source_format, 1.2));
    const FrameTable table = probe_frame_table(path)->table;
    const EncodeSettings settings = {
        .codec = test.codec, .preset = "ultrafast", .keep_depth = test.keep_depth};
    ASSERT_TRUE(check_container(settings, test.container));
    const auto ranges = cut(table.frame_count(), 3);
    const auto segments = encode_ranges(path, table, ranges, settings);
    EXPECT_EQ(segments, encode_ranges(path, table, ranges, settings)) << "other bytes next time";
    const auto out = folder / (std::string("out.") + test.container);
    const auto report = stitch(path, table, from_memory(segments), segments.size(), out);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->warnings, std::vector<std::string>{});
    const auto verified = verify_output(out, path, table, {.decode_frames = true});
    ASSERT_TRUE(verified) << verified.error().message;
    EXPECT_EQ(verified->frames_decoded, table.frame_count());
    EXPECT_EQ(look_of(out, "pix_fmt"), std::string(test.out_format) + " ");

    // Each piece by itself shows the pictures that it shows in the whole.
    std::vector<std::string> alone;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      const auto piece = folder / (std::string("piece.") + test.container);
      const FrameTable part = part_of(table, ranges[i]);
      const std::vector<EncodedSegment> one = {segments[i]};
      ASSERT_TRUE(stitch(path, part, from_memory(one), 1, piece));
      for (std::string& hash : ffmpeg_hashes(piece, test.out_format)) alone.push_back(hash);
    }
    EXPECT_EQ(ffmpeg_hashes(out, test.out_format), alone);
    if (std::string_view(test.codec) == "ffv1") {
      EXPECT_EQ(alone, ffmpeg_hashes(path, test.out_format)) << "not lossless";
    }
  }
}

TEST(Codecs, CarryColoursAndPixelShape) {
  const TempDir folder;
  const auto path = make_clip(folder, "source.mp4",
                              picture(96, 64, "25", 0.4) +
                                  "-vf setsar=4/3 -pix_fmt yuv420p -color_range pc "
                                  "-colorspace bt2020nc -color_primaries bt2020 "
                                  "-color_trc smpte2084 -c:v libx264");
  const FrameTable table = probe_frame_table(path)->table;
  const char* const kColours =
      "sample_aspect_ratio,color_range,color_space,color_transfer,color_primaries";
  const struct {
    const char* codec;
    const char* container;
    const char* range;  // ProRes has no word for full range: its samples are scaled
  } cases[] = {{"h264", "mp4", "pc"}, {"hevc", "mp4", "pc"}, {"av1", "mp4", "pc"},
               {"vp9", "webm", "pc"}, {"ffv1", "mkv", "pc"}, {"prores", "mov", "tv"}};
  for (const auto& test : cases) {
    SCOPED_TRACE(test.codec);
    const auto segments =
        encode_ranges(path, table, cut(table.frame_count(), 1), {.codec = test.codec});
    const auto out = folder / (std::string("out.") + test.container);
    const auto report = stitch(path, table, from_memory(segments), 1, out);
    ASSERT_TRUE(report) << report.error().message;
    const std::string look = look_of(out, kColours);
    EXPECT_NE(look.find("4:3"), std::string::npos) << look;
    EXPECT_NE(look.find("bt2020nc smpte2084 bt2020"), std::string::npos) << look;
    if (std::string_view(test.range) == "pc") {
      EXPECT_NE(look.find("pc "), std::string::npos) << look;
    } else {
      EXPECT_EQ(look.find("pc "), std::string::npos) << look;
    }
  }
}

TEST(Codecs, RefuseWhatDoesNotGoTogether) {
  const struct {
    EncodeSettings settings;
    const char* container;
    const char* message;
  } cases[] = {
      {{.codec = "ffv1"}, "mp4", "ffv1 does not go into .mp4; name the output .mkv"},
      {{.codec = "h264"}, "webm", "or use the codec av1, vp9"},
      {{.codec = "prores"}, "mp4", "name the output .mov, .mkv"},
      {{.codec = "h264"}, "avi", "name the output .mp4, .mov, .mkv, .m4v"},
      {{.codec = "vp9", .is_overlay = true}, "mp4", "name the output .webm or .mkv"},
  };
  for (const auto& test : cases) {
    const Status status = check_container(test.settings, test.container);
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().message.find(test.message), std::string::npos)
        << status.error().message;
  }
}

TEST(Codecs, SayWhichHardwareIsNotThere) {
  const TempDir folder;
  const auto path = make_clip(folder, "source.mkv", source_in("yuv420p", 0.2));
  const FrameTable table = probe_frame_table(path)->table;
  RangeDecoder decoder = RangeDecoder::open(path, table, {0, 5}).value();
  const auto frame = decoder.next().value();
  EXPECT_TRUE(check_encoder_is_here({}));
  for (const char* kind : {"nvenc", "qsv"}) {
    const Status here = check_encoder_is_here({.encoder = kind});
    if (here) continue;  // this machine has it
    EXPECT_NE(here.error().message.find(kind), std::string::npos) << here.error().message;
    const auto encoder = SegmentEncoder::create({.encoder = kind}, table, *frame);
    ASSERT_FALSE(encoder);
    EXPECT_NE(encoder.error().message.find(kind), std::string::npos) << encoder.error().message;
    EXPECT_NE(encoder.error().message.find("--encoder software"), std::string::npos)
        << encoder.error().message;
  }
}

// The lower right quarter is a half transparent orange, the rest is nothing.
std::vector<EncodedSegment> overlay_segments(const std::filesystem::path& path,
                                             const FrameTable& table,
                                             const EncodeSettings& settings) {
  std::vector<EncodedSegment> segments;
  for (const FrameRange range : cut(table.frame_count(), 2)) {
    RangeDecoder decoder = RangeDecoder::open(path, table, range).value();
    std::optional<SegmentEncoder> encoder;
    while (auto frame = decoder.next().value()) {
      VideoFrame canvas = VideoFrame::transparent_like(*frame);
      const RgbaPlane pixels = canvas.rgba();
      for (int y = pixels.height / 2; y < pixels.height; ++y) {
        for (int x = pixels.width / 2; x < pixels.width; ++x) {
          std::uint16_t* pixel = pixels.data + y * pixels.stride + 4 * x;
          pixel[0] = 60000, pixel[1] = 30000, pixel[2] = 6000, pixel[3] = 32768;
        }
      }
      if (!encoder) encoder.emplace(SegmentEncoder::create(settings, table, canvas).value());
      EXPECT_TRUE(encoder->add(canvas));
    }
    segments.push_back(encoder->finish().value());
  }
  return segments;
}

struct Pixel {
  int red, green, blue, alpha;
};

std::vector<Pixel> rgba_of(const std::filesystem::path& file, const std::string& decoder) {
  const std::string bytes = run("ffmpeg -nostdin -v error " + decoder + " -i '" + file.string() +
                                "' -map 0:v:0 -pix_fmt rgba -f rawvideo -");
  std::vector<Pixel> pixels;
  for (std::size_t i = 0; i + 3 < bytes.size(); i += 4) {
    const auto at = [&](std::size_t k) { return static_cast<unsigned char>(bytes[i + k]); };
    pixels.push_back({at(0), at(1), at(2), at(3)});
  }
  return pixels;
}

TEST(Codecs, KeepAnOverlaysOpacityAndColour) {
  const TempDir folder;
  // With sound that neither container holds.
  const auto path = make_clip(
      folder, "source.mp4",
      picture(96, 64, "25", 0.4) + tests::tone(0.4) + "-pix_fmt yuv420p -c:v libx264 -c:a libopus");
  const FrameTable table = probe_frame_table(path)->table;
  const struct {
    const char* codec;
    const char* container;
    const char* decoder;
  } cases[] = {{"prores", "mov", ""},
               {"prores", "mkv", ""},
               {"vp9", "webm", "-c:v libvpx-vp9"},
               {"vp9", "mkv", "-c:v libvpx-vp9"},
               {"png", "png", ""}};
  for (const auto& test : cases) {
    SCOPED_TRACE(testing::Message() << test.codec << " in " << test.container);
    const EncodeSettings settings = {.codec = test.codec, .is_overlay = true};
    const auto segments = overlay_segments(path, table, settings);
    auto out = folder / (std::string("out.") + test.container);
    if (std::string_view(test.codec) == "png") {
      const auto report = write_picture_files(table, from_memory(segments), 2, out);
      ASSERT_TRUE(report) << report.error().message;
      out /= "frame_%06d.png";
    } else {
      const auto report = stitch(path, table, from_memory(segments), 2, out, StitchWhat::Pictures);
      ASSERT_TRUE(report) << report.error().message;
      EXPECT_EQ(report->audio_streams, 0u);
      const auto verified =
          verify_output(out, path, table, {.decode_frames = true, .has_sound = false});
      ASSERT_TRUE(verified) << verified.error().message;
    }
    const std::vector<Pixel> pixels = rgba_of(out, test.decoder);
    ASSERT_EQ(pixels.size(), std::size_t{96} * 64 * table.frame_count());
    for (std::uint32_t frame = 0; frame < table.frame_count(); ++frame) {
      const auto at = [&](int x, int y) {
        return pixels[(static_cast<std::size_t>(frame) * 64 + static_cast<std::size_t>(y)) * 96 +
                      static_cast<std::size_t>(x)];
      };
      EXPECT_LE(at(20, 20).alpha, 3);
      EXPECT_NEAR(at(70, 50).alpha, 128, 4);
      EXPECT_NEAR(at(70, 50).red, 233, 8);
      EXPECT_NEAR(at(70, 50).green, 117, 8);
      EXPECT_NEAR(at(70, 50).blue, 23, 12);
      // Just inside the edge the colour is no darker: it goes on beyond what is seen.
      EXPECT_NEAR(at(49, 33).red, 233, 12);
    }
  }
}

TEST(PictureFiles, AreTurnedUprightAndNumberedAndWholeOrNotThere) {
  const TempDir folder;
  const auto plain = make_clip(folder, "plain.mp4", picture(96, 64, "25", 0.4) + "-c:v libx264");
  const auto path = make_clip(folder, "turned.mp4",
                              "-i '" + plain.string() + "' -c copy -metadata:s:v rotate=90");
  const FrameTable table = probe_frame_table(path)->table;
  const auto segments = encode_ranges(path, table, cut(table.frame_count(), 3), {.codec = "png"});
  const auto out = folder / "pictures";
  const auto report = write_picture_files(table, from_memory(segments), segments.size(), out);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->frames, table.frame_count());
  EXPECT_EQ(look_of(out / "frame_000009.png", "width,height"), "64 96 ");
  EXPECT_FALSE(std::filesystem::exists(out / "frame_000010.png"));
  // The matrix says a quarter to the left.
  const std::string turned =
      run("ffmpeg -nostdin -v error -noautorotate -i '" + path.string() +
          "' -sws_flags bilinear+bitexact+accurate_rnd -vf format=rgb24,transpose=cclock -f "
          "framehash -hash md5 - | grep -v '#' | sed 's/.*, *//'");
  const std::string ours = run("ffmpeg -nostdin -v error -i '" + (out / "frame_%06d.png").string() +
                               "' -pix_fmt rgb24 -f framehash -hash md5 - | grep -v '#' | sed "
                               "'s/.*, *//'");
  EXPECT_EQ(ours, turned);

  // Again over the first; then pieces that do not make the video, which leave it alone.
  const auto again = write_picture_files(table, from_memory(segments), segments.size(), out);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->sha256, report->sha256);
  const auto missing = write_picture_files(table, from_memory(segments), 2, out);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("hold 6 frames, the video has 10"), std::string::npos)
      << missing.error().message;
  auto spoiled = segments;
  spoiled[1].packets[0].bytes = "JPEG";
  EXPECT_FALSE(write_picture_files(table, from_memory(spoiled), 3, out));
  spoiled = segments;
  std::swap(spoiled[1], spoiled[2]);
  EXPECT_FALSE(write_picture_files(table, from_memory(spoiled), 3, out));
  EXPECT_TRUE(std::filesystem::exists(out / "frame_000009.png"));
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    EXPECT_EQ(entry.path().string().find(".part-"), std::string::npos) << entry.path();
  }
}

TEST(PictureFiles, KeepDeepSamplesOnRequest) {
  const TempDir folder;
  const auto path = make_clip(folder, "source.mkv", source_in("yuv420p10le", 0.2));
  const FrameTable table = probe_frame_table(path)->table;
  for (const bool keep : {false, true}) {
    const auto segments = encode_ranges(path, table, cut(table.frame_count(), 1),
                                        {.codec = "png", .keep_depth = keep});
    const auto out = folder / "pictures";
    ASSERT_TRUE(write_picture_files(table, from_memory(segments), 1, out));
    EXPECT_EQ(look_of(out / "frame_000000.png", "pix_fmt"), keep ? "rgb48be " : "rgb24 ");
  }
}

}  // namespace
}  // namespace posefleet

#include "common/media/stitch.h"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/media/decoder.h"
#include "common/media/encoder.h"
#include "common/media/frame_table.h"
#include "common/media/verify.h"
#include "tests/common/media/clips.h"

namespace posefleet {
namespace {

using tests::cut;
using tests::encode_ranges;
using tests::from_memory;
using tests::make_clip;
using tests::picture;
using tests::run;
using tests::TempDir;
using tests::tone;

const std::string kX264 = "-c:v libx264 -preset veryfast ";

std::size_t count_files(const std::filesystem::path& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
  return count;
}

TEST(Stitch, KeepsFramesTimesAndSoundForEverySourceAndContainer) {
  const struct {
    const char* name;
    std::string arguments;
    const char* out;
    bool video_exact;
    bool audio_exact;
  } cases[] = {
      {"b-frames.mp4", picture(96, 64, "25", 2) + tone(2) + kX264 + "-bf 3", "out.mp4", true, true},
      {"b-frames.mp4", picture(96, 64, "25", 2) + tone(2) + kX264 + "-bf 3", "out.mov", true, true},
      // Matroska counts milliseconds.
      {"ntsc.mp4", picture(96, 64, "30000/1001", 2) + tone(2) + kX264, "out.mkv", false, false},
      {"ntsc.mp4", picture(96, 64, "30000/1001", 2) + tone(2) + kX264, "OUT.MP4", true, true},
      {"variable.mkv",
       picture(96, 64, "30", 2) + "-vf \"select='not(eq(mod(n,5),2))'\" -vsync vfr " + kX264,
       "out.mp4", true, true},
      // The sound of a transport stream counts in 1/90000 s, an MP4's in samples; ADTS headers go.
      {"stream.ts", picture(96, 64, "25", 2) + tone(2) + "-c:a aac " + kX264 + "-bf 2", "out.mp4",
       true, false},
      {"mpeg4.avi", picture(96, 64, "25", 2) + tone(2) + "-c:v mpeg4 -bf 2 -c:a libmp3lame",
       "out.mp4", true, true},
      // Opus starts 7 ms before zero, a time that Matroska does not store.
      {"opus.webm", picture(96, 64, "25", 1) + tone(1) + "-c:v libvpx -c:a libopus", "out.mkv",
       true, false},
      {"pcm.mov", picture(96, 64, "25", 1) + tone(1) + "-c:v mjpeg -c:a pcm_s16le", "out.mov", true,
       true},
      {"two-sounds.mkv",
       picture(96, 64, "25", 1) + tone(1) + tone(0.7) + "-map 0 -map 1 -map 2 -c:a aac " + kX264,
       "out.mkv", true, true},
      {"odd-size.mkv", picture(97, 65, "25", 1) + "-pix_fmt yuv420p -c:v ffv1", "out.mp4", true,
       true},
      {"silent.mp4", picture(96, 64, "25", 1) + kX264, "out.mp4", true, true},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(testing::Message() << test.name << " to " << test.out);
    const TempDir folder;
    const auto path = make_clip(folder, test.name, test.arguments);
    const auto probed = probe_frame_table(path);
    ASSERT_TRUE(probed) << probed.error().message;
    const FrameTable& table = probed->table;
    for (const std::uint32_t pieces : {1u, 4u}) {
      SCOPED_TRACE(pieces);
      const auto segments = encode_ranges(path, table, cut(table.frame_count(), pieces));
      const auto out = folder / test.out;
      const auto report = stitch(path, table, from_memory(segments), segments.size(), out);
      ASSERT_TRUE(report) << report.error().message;
      EXPECT_EQ(report->frames, table.frame_count());
      EXPECT_EQ(report->audio_packets, probed->audio_packets);
      EXPECT_EQ(report->bytes, std::filesystem::file_size(out));
      const auto verified = verify_output(out, path, table, {.decode_frames = true});
      ASSERT_TRUE(verified) << verified.error().message;
      EXPECT_EQ(verified->frames, table.frame_count());
      EXPECT_EQ(verified->frames_decoded, table.frame_count());
      EXPECT_EQ(verified->audio_packets, probed->audio_packets);
      EXPECT_EQ(verified->video_times_exact, test.video_exact);
      EXPECT_EQ(verified->audio_times_exact, test.audio_exact);
    }
    EXPECT_EQ(count_files(folder.path()), 2u);  // no temporary file is left
  }
}

TEST(Stitch, ShowsFfprobeTheSameTimesAndSoundAsTheSource) {
  const TempDir folder;
  const auto even =
      make_clip(folder, "even.mp4", picture(96, 64, "30000/1001", 2) + tone(2) + kX264 + "-bf 3");
  const auto path = make_clip(folder, "offset.mp4",
                              "-itsoffset 0.35 -i '" + even.string() + "' -i '" + even.string() +
                                  "' -map 0:v -map 1:a -c copy");
  const FrameTable table = probe_frame_table(path)->table;
  const auto segments = encode_ranges(path, table, cut(table.frame_count(), 3));
  const auto out = folder / "out.mp4";
  ASSERT_TRUE(stitch(path, table, from_memory(segments), segments.size(), out));
  EXPECT_EQ(tests::ffprobe_times(out), tests::ffprobe_times(path));
  const auto sound_of = [](const std::filesystem::path& file) {
    return run("ffmpeg -nostdin -v error -i '" + file.string() +
               "' -map 0:a -c copy -copyts -f framehash -hash md5 -");
  };
  EXPECT_EQ(sound_of(out), sound_of(path));
}

TEST(Stitch, LeavesOutDamagedSoundAndSaysSo) {
  const TempDir folder;
  const auto whole =
      make_clip(folder, "whole.ts", picture(96, 64, "25", 1) + tone(1) + "-c:a aac " + kX264);
  const FrameTable table = probe_frame_table(whole)->table;
  const auto segments = encode_ranges(whole, table, cut(table.frame_count(), 1));
  // Breaks the headers of some AAC packets (sync word, layer 0, no checksum).
  std::string bytes = tests::read_file(whole);
  int broken = 0;
  for (std::size_t i = 4; i + 1 < bytes.size() && broken < 3; ++i) {
    if (bytes[i] != '\xff' || bytes[i + 1] != '\xf1') continue;
    if (++broken == 1) continue;  // the first tells the stream's parameters
    bytes[i + 2] = '\x3f';        // rate index 15
  }
  ASSERT_EQ(broken, 3);
  const auto damaged = folder / "damaged.ts";
  tests::write_file(damaged, bytes);
  const auto out = folder / "out.mp4";
  const auto report = stitch(damaged, table, from_memory(segments), 1, out);
  ASSERT_TRUE(report) << report.error().message;
  const auto verified = verify_output(out, damaged, table);
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->audio_packets, report->audio_packets);
  if (verified->audio_packets_left_out > 0) {
    ASSERT_EQ(report->warnings.size(), 1u);
    EXPECT_NE(report->warnings[0].find("damaged"), std::string::npos);
  }
  EXPECT_LT(report->audio_packets, probe_frame_table(whole)->audio_packets);
}

TEST(Stitch, LeavesOutSoundStreamsWithoutPackets) {
  const TempDir folder;
  const auto path = make_clip(folder, "empty-sound.mkv",
                              picture(96, 64, "25", 0.4) + tone(0.4) + "-frames:a 0 " + kX264);
  const FrameTable table = probe_frame_table(path)->table;
  const auto segments = encode_ranges(path, table, cut(table.frame_count(), 1));
  const auto out = folder / "out.mp4";
  const auto report = stitch(path, table, from_memory(segments), 1, out);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->audio_streams, 0u);
  ASSERT_EQ(report->warnings.size(), 1u);
  EXPECT_NE(report->warnings[0].find("without packets"), std::string::npos);
  EXPECT_TRUE(verify_output(out, path, table));
}

TEST(Stitch, WritesTheSameBytesForTheSameInput) {
  const TempDir folder;
  const auto path =
      make_clip(folder, "clip.mp4", picture(96, 64, "25", 2) + tone(2) + kX264 + "-bf 3");
  const FrameTable table = probe_frame_table(path)->table;
  const auto ranges = cut(table.frame_count(), 3);
  const auto segments = encode_ranges(path, table, ranges);
  EXPECT_EQ(segments, encode_ranges(path, table, ranges));
  for (const char* extension : {".mp4", ".mov", ".mkv"}) {
    SCOPED_TRACE(extension);
    const auto first = folder / (std::string("first") + extension);
    const auto second = folder / (std::string("second") + extension);
    ASSERT_TRUE(stitch(path, table, from_memory(segments), segments.size(), first));
    ASSERT_TRUE(stitch(path, table, from_memory(segments), segments.size(), second));
    EXPECT_TRUE(tests::read_file(first) == tests::read_file(second));
  }
}

TEST(Stitch, KeepsColoursPixelShapeAndRotation) {
  const TempDir folder;
  const auto plain =
      make_clip(folder, "plain.mp4",
                picture(96, 64, "25", 0.4) +
                    "-vf setsar=4/3 -pix_fmt yuv420p -color_range pc -colorspace bt709 "
                    "-color_primaries bt709 -color_trc bt709 " +
                    kX264);
  const auto path = make_clip(folder, "turned.mp4",
                              "-i '" + plain.string() + "' -c copy -metadata:s:v rotate=90");
  const FrameTable table = probe_frame_table(path)->table;
  const auto segments = encode_ranges(path, table, cut(table.frame_count(), 2));
  const auto out = folder / "out.mp4";
  ASSERT_TRUE(stitch(path, table, from_memory(segments), segments.size(), out));
  const auto look = [](const std::filesystem::path& file) {
    return run(
        "ffprobe -v error -select_streams v:0 -show_entries stream=width,height,pix_fmt,"
        "sample_aspect_ratio,color_range,color_space,color_primaries,color_transfer,"
        "avg_frame_rate,time_base,start_time:stream_side_data=rotation '" +
        file.string() + "'");
  };
  EXPECT_EQ(look(out), look(path));
  EXPECT_NE(look(out).find("rotation="), std::string::npos);
  EXPECT_NE(look(out).find("sample_aspect_ratio=4:3"), std::string::npos);

  const auto report =
      stitch(path, table, from_memory(segments), segments.size(), folder / "out.mkv");
  ASSERT_TRUE(report);
  ASSERT_EQ(report->warnings.size(), 1u);  // Matroska loses the rotation
  EXPECT_NE(report->warnings[0].find("degrees"), std::string::npos);
}

TEST(Stitch, LeavesPicturesAloneThatNobodyDrewOn) {
  // crf 0 is lossless in x264, so the whole way through must give back the source's pictures.
  const TempDir folder;
  const auto path = make_clip(folder, "clip.mp4", picture(96, 64, "25", 1) + kX264 + "-bf 2");
  const FrameTable table = probe_frame_table(path)->table;
  RangeDecoder decoder = RangeDecoder::open(path, table, {0, table.frame_count()}).value();
  auto frame = decoder.next().value();
  SegmentEncoder encoder =
      SegmentEncoder::create({.preset = "ultrafast", .crf = 0}, table, *frame).value();
  while (frame.has_value()) {
    ASSERT_TRUE(encoder.add(*frame));
    frame = decoder.next().value();
  }
  const std::vector<EncodedSegment> segments = {encoder.finish().value()};
  const auto out = folder / "out.mp4";
  ASSERT_TRUE(stitch(path, table, from_memory(segments), 1, out));
  EXPECT_EQ(tests::ffmpeg_hashes(out, "yuv420p"), tests::ffmpeg_hashes(path, "yuv420p"));
}

TEST(Stitch, RefusesSegmentsThatDoNotMakeTheVideo) {
  const TempDir folder;
  const auto path =
      make_clip(folder, "clip.mp4", picture(96, 64, "25", 1) + tone(1) + kX264 + "-bf 3");
  const FrameTable table = probe_frame_table(path)->table;
  const auto whole = encode_ranges(path, table, cut(table.frame_count(), 3));
  using Segments = std::vector<EncodedSegment>;
  const struct {
    const char* name;
    std::function<void(Segments&)> spoil;
    const char* message;
  } cases[] = {
      {"one is missing", [](Segments& s) { s.pop_back(); }, "the video has 25"},
      {"one comes twice", [](Segments& s) { s.insert(s.begin(), s[0]); }, "segment 1 has a frame"},
      {"wrong order", [](Segments& s) { std::swap(s[1], s[2]); }, "segment 1 "},
      {"a lost packet", [](Segments& s) { s[1].packets.pop_back(); }, "has a frame at tick"},
      {"a moved frame", [](Segments& s) { s[2].packets.back().pts += 1; }, "segment 2 has a frame"},
      {"no key frame", [](Segments& s) { s[1].packets[0].is_key = false; }, "key frame"},
      {"empty", [](Segments& s) { s[1].packets.clear(); }, "key frame"},
      {"another codec", [](Segments& s) { s[1].codec = "av1"; }, "'av1', not h264"},
      {"other parameters", [](Segments& s) { s[1].extradata[8] ^= 1; }, "other parameters"},
      {"no parameters", [](Segments& s) { s[0].extradata = "\0\0\0\1"; }, "parameter sets"},
      {"noise", [](Segments& s) { s[0].packets[0].bytes = std::string(500, 'x'); },
       "cannot be decoded"},
      {"wrong size", [](Segments& s) { s[0].width = 98; }, "98x64"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.name);
    Segments segments = whole;
    test.spoil(segments);
    const auto out = folder / "out.mp4";
    const auto report = stitch(path, table, from_memory(segments), segments.size(), out);
    ASSERT_FALSE(report);
    EXPECT_NE(report.error().message.find(test.message), std::string::npos)
        << report.error().message;
    EXPECT_EQ(count_files(folder.path()), 1u) << "an unfinished file was left";
  }
}

TEST(Stitch, PassesOnWhyASegmentCannotBeHad) {
  const TempDir folder;
  const auto path = make_clip(folder, "clip.mp4", picture(96, 64, "25", 1) + kX264);
  const FrameTable table = probe_frame_table(path)->table;
  const auto segments = encode_ranges(path, table, cut(table.frame_count(), 2));
  const auto failing = [&](std::size_t index) -> Result<EncodedSegment> {
    if (index == 1) return retry("its file cannot be read");
    return segments[index];
  };
  const auto report = stitch(path, table, failing, 2, folder / "out.mp4");
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::Retry);
  EXPECT_EQ(report.error().message, "segment 1: its file cannot be read");
  EXPECT_EQ(count_files(folder.path()), 1u);
}

TEST(Stitch, RefusesOutputsThatCannotBeWritten) {
  const TempDir folder;
  const auto path = make_clip(folder, "pcm.mov",
                              picture(96, 64, "25", 0.4) + tone(0.4) + kX264 + "-c:a pcm_s16le");
  const FrameTable table = probe_frame_table(path)->table;
  const auto segments = encode_ranges(path, table, cut(table.frame_count(), 1));
  const struct {
    std::string name;
    const char* message;
  } cases[] = {
      {"out.avi", "must end in .mp4"},
      {"out", "must end in .mp4"},
      {"out.mp4", "cannot hold the source's sound (pcm_s16le); name the output .mov or .mkv"},
      {"missing/out.mov", "No such file or directory"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.name);
    const auto report = stitch(path, table, from_memory(segments), 1, folder / test.name);
    ASSERT_FALSE(report);
    EXPECT_NE(report.error().message.find(test.message), std::string::npos)
        << report.error().message;
  }
  EXPECT_EQ(count_files(folder.path()), 1u);
}

TEST(Verify, NoticesAnotherTimeAnotherCountAndOtherSound) {
  const TempDir folder;
  const auto path = make_clip(folder, "clip.mp4", picture(96, 64, "25", 1) + tone(1) + kX264);
  const FrameTable table = probe_frame_table(path)->table;
  const auto segments = encode_ranges(path, table, cut(table.frame_count(), 1));
  const auto out = folder / "out.mp4";
  ASSERT_TRUE(stitch(path, table, from_memory(segments), 1, out));

  FrameTable moved = table;
  moved.pts[7] += 1;
  const auto time = verify_output(out, path, moved);
  ASSERT_FALSE(time);
  EXPECT_NE(time.error().message.find("frame 7"), std::string::npos) << time.error().message;

  FrameTable longer = table;
  longer.pts.push_back(longer.pts.back() + 512);
  EXPECT_FALSE(verify_output(out, path, longer));

  const struct {
    const char* name;
    std::string arguments;
    const char* message;
  } cases[] = {
      {"other.mp4", "-i '" + path.string() + "' -c:v copy -c:a aac -b:a 40k", "differ"},
      {"silent.mp4", "-i '" + path.string() + "' -c:v copy -an", "0 sound streams"},
      {"later.mp4",
       "-itsoffset 0.2 -i '" + path.string() + "' -i '" + path.string() +
           "' -map 1:v -map 0:a -c copy",
       "packet 0 is at"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.name);
    const auto other = make_clip(folder, test.name, test.arguments);
    const auto verified = verify_output(other, path, table);
    ASSERT_FALSE(verified);
    EXPECT_EQ(verified.error().code, ErrorCode::Internal);
    EXPECT_NE(verified.error().message.find(test.message), std::string::npos)
        << verified.error().message;
  }
}

TEST(SegmentEncoder, RefusesSettingsThatItDoesNotKnow) {
  const TempDir folder;
  const auto path = make_clip(folder, "clip.mp4", picture(96, 64, "25", 0.2) + kX264);
  const FrameTable table = probe_frame_table(path)->table;
  RangeDecoder decoder = RangeDecoder::open(path, table, {0, 5}).value();
  const auto frame = decoder.next().value();
  const struct {
    EncodeSettings settings;
    const char* message;
  } cases[] = {
      {{.codec = "vp8"}, "output codec 'vp8'"},
      {{.preset = "quick"}, "encoder preset 'quick'"},
      {{.crf = 52}, "crf is 52"},
      {{.crf = -2}, "crf is -2"},
      {{.codec = "prores", .crf = 5}, "prores has none"},
      {{.tune = "loud"}, "encoder tune 'loud'"},
      {{.is_overlay = true}, "needs transparency"},
      {{.encoder = "gpu"}, "encoder 'gpu'"},
  };
  for (const auto& test : cases) {
    const auto encoder = SegmentEncoder::create(test.settings, table, *frame);
    ASSERT_FALSE(encoder);
    EXPECT_NE(encoder.error().message.find(test.message), std::string::npos)
        << encoder.error().message;
  }
}

TEST(SegmentEncoder, RefusesFramesThatDoNotFollowTheFirst) {
  const TempDir folder;
  const auto path = make_clip(folder, "clip.mp4", picture(96, 64, "25", 0.2) + kX264);
  const FrameTable table = probe_frame_table(path)->table;
  RangeDecoder decoder = RangeDecoder::open(path, table, {0, 5}).value();
  const auto frame = decoder.next().value();
  SegmentEncoder encoder = SegmentEncoder::create({}, table, *frame).value();
  ASSERT_TRUE(encoder.add(*frame));
  EXPECT_FALSE(encoder.add(*frame)) << "the same time twice";
  const VideoFrame wide = VideoFrame::blank_like(*decoder.next().value(), 192, 64).value();
  EXPECT_FALSE(encoder.add(wide));

  SegmentEncoder empty = SegmentEncoder::create({}, table, *frame).value();
  EXPECT_FALSE(empty.finish());
}

}  // namespace
}  // namespace posefleet

// What a source holds beside pictures and sound.
#include <string>

#include <gtest/gtest.h>

#include "common/media/copy.h"
#include "common/media/frame_table.h"
#include "common/media/stitch.h"
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

const char* const kSubtitles =
    "1\n00:00:00,200 --> 00:00:00,900\nTwo people\n\n2\n00:00:01,100 --> 00:00:01,700\nwalk\n\n";
const char* const kMetadata =
    ";FFMETADATA1\ntitle=A walk\nartist=Somebody\ncreation_time=2020-02-03T04:05:06.000000Z\n"
    "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=There\n"
    "[CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=2000\ntitle=And back\n";

struct Source {
  std::filesystem::path path;
  FrameTable table;
  std::vector<EncodedSegment> segments;
};

// Without sound, subtitles lie between pictures alone.
Source make_source(const TempDir& folder, const std::string& name, const std::string& codecs,
                   bool has_sound = true) {
  tests::write_file(folder / "words.srt", kSubtitles);
  tests::write_file(folder / "about.txt", kMetadata);
  tests::write_file(folder / "font.ttf", std::string(3000, 'f'));
  const std::string inputs = picture(96, 64, "25", 2) + (has_sound ? tone(2) : "") + "-i '" +
                             (folder / "words.srt").string() + "' -i '" +
                             (folder / "about.txt").string() + "' ";
  const std::string maps = has_sound ? "-map 0 -map 1 -map 2 -map_metadata 3 -map_chapters 3 "
                                     : "-map 0 -map 1 -map_metadata 2 -map_chapters 2 ";
  Source source;
  source.path = make_clip(folder, name, inputs + maps + "-c:v libx264 " + codecs);
  source.table = probe_frame_table(source.path)->table;
  source.segments = encode_ranges(source.path, source.table, cut(source.table.frame_count(), 3));
  return source;
}

Result<StitchReport> join(const Source& source, const std::filesystem::path& out) {
  return stitch(source.path, source.table, from_memory(source.segments), source.segments.size(),
                out);
}

std::string subtitles_of(const std::filesystem::path& file) {
  return run("ffmpeg -nostdin -v error -i '" + file.string() + "' -map 0:s -f srt -");
}

std::string about(const std::filesystem::path& file) {
  return run(
      "ffprobe -v error -show_chapters -show_entries "
      "format_tags=title,artist,creation_time:chapter=start_time,end_time:chapter_tags=title "
      "-of default '" +
      file.string() + "' | sort");
}

std::string attachment_of(const TempDir& folder, const std::filesystem::path& file) {
  const auto to = folder / "attachment";
  // ffmpeg ends with an error since it is given nothing to encode.
  run("ffmpeg -nostdin -v quiet -y -dump_attachment:t:0 '" + to.string() + "' -i '" +
      file.string() + "' || true");
  return tests::read_file(to);
}

TEST(SideStreams, AllGoIntoMatroskaAgain) {
  const TempDir folder;
  for (const bool has_sound : {true, false}) {
    SCOPED_TRACE(has_sound);
    tests::write_file(folder / "font.ttf", std::string(3000, 'f'));
    const Source source = make_source(folder, "source.mkv",
                                      "-c:s srt -metadata:s:s language=fin -attach '" +
                                          (folder / "font.ttf").string() +
                                          "' -metadata:s:t mimetype=application/x-truetype-font",
                                      has_sound);
    const auto out = folder / "out.mkv";
    const auto report = join(source, out);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->warnings, std::vector<std::string>{});
    EXPECT_EQ(subtitles_of(out), subtitles_of(source.path));
    EXPECT_EQ(about(out), about(source.path));
    EXPECT_NE(about(out).find("And back"), std::string::npos);
    EXPECT_NE(about(out).find("2020-02-03T04:05:06"), std::string::npos);
    EXPECT_EQ(attachment_of(folder, out), std::string(3000, 'f'));
    EXPECT_NE(run("ffprobe -v error -select_streams s -show_entries stream_tags=language '" +
                  out.string() + "'")
                  .find("fin"),
              std::string::npos);
    const auto verified = verify_output(out, source.path, source.table, {.decode_frames = true});
    EXPECT_TRUE(verified) << verified.error().message;
  }
}

TEST(SideStreams, StayInAnMp4) {
  const TempDir folder;
  const Source source = make_source(folder, "source.mp4", "-c:s mov_text");
  for (const char* name : {"out.mp4", "out.mov"}) {
    SCOPED_TRACE(name);
    const auto out = folder / name;
    const auto report = join(source, out);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->warnings, std::vector<std::string>{});
    EXPECT_EQ(subtitles_of(out), subtitles_of(source.path));
    EXPECT_EQ(about(out), about(source.path));
    EXPECT_TRUE(verify_output(out, source.path, source.table));
    const auto again = folder / (std::string("again-") + name);
    ASSERT_TRUE(join(source, again));
    EXPECT_TRUE(tests::read_file(out) == tests::read_file(again)) << "a date or a random number";
  }
  // Also when nobody is in the video and its own pictures are copied.
  const auto copied = folder / "copied.mp4";
  const auto report = copy_video(source.path, source.table, copied);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(subtitles_of(copied), subtitles_of(source.path));
  EXPECT_EQ(about(copied), about(source.path));
}

TEST(SideStreams, ThatDoNotFitAreNamedWithTheRemedy) {
  const TempDir folder;
  tests::write_file(folder / "font.ttf", std::string(3000, 'f'));
  const Source source = make_source(folder, "source.mkv",
                                    "-c:s srt -attach '" + (folder / "font.ttf").string() +
                                        "' -metadata:s:t mimetype=application/x-truetype-font");
  const auto out = folder / "out.mp4";
  const auto report = join(source, out);
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(report->warnings.size(), 2u);
  EXPECT_NE(report->warnings[0].find("stream 2 of "), std::string::npos) << report->warnings[0];
  EXPECT_NE(report->warnings[0].find("subtitles (subrip)"), std::string::npos);
  EXPECT_NE(report->warnings[0].find("name the output .mkv"), std::string::npos);
  EXPECT_NE(report->warnings[1].find("an attached file"), std::string::npos);
  EXPECT_NE(about(out).find("And back"), std::string::npos) << "chapters go everywhere";
}

TEST(SideStreams, CoverPicturesStay) {
  const TempDir folder;
  const auto cover = make_clip(folder, "cover.png", picture(40, 40, "1", 1) + "-frames:v 1");
  const auto plain =
      make_clip(folder, "plain.mp4", picture(96, 64, "25", 1) + tone(1) + "-c:v libx264");
  const auto path = make_clip(folder, "covered.mp4",
                              "-i '" + plain.string() + "' -i '" + cover.string() +
                                  "' -map 0 -map 1 -c copy -disposition:v:1 attached_pic");
  Source source{path, probe_frame_table(path)->table, {}};
  source.segments = encode_ranges(path, source.table, cut(source.table.frame_count(), 2));
  for (const char* name : {"out.mp4", "out.mkv"}) {
    SCOPED_TRACE(name);
    const auto out = folder / name;
    const auto report = join(source, out);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->warnings, std::vector<std::string>{});
    const auto verified = verify_output(out, path, source.table, {.decode_frames = true});
    ASSERT_TRUE(verified) << verified.error().message;
    const auto kept = folder / "kept.png";
    run("ffmpeg -nostdin -v error -y -i '" + out.string() + "' -map 0:v:1 -c copy '" +
        kept.string() + "'");
    EXPECT_TRUE(tests::read_file(kept) == tests::read_file(cover));
  }
}

TEST(SideStreams, AContainerWithoutPlaceForTheSoundIsToldBeforeTheJob) {
  const TempDir folder;
  const auto path =
      make_clip(folder, "aac.mp4", picture(96, 64, "25", 0.4) + tone(0.4) + "-c:v libx264");
  EXPECT_TRUE(check_sound_fits(path, "out.mkv"));
  const Status webm = check_sound_fits(path, "out.webm");
  ASSERT_FALSE(webm);
  EXPECT_NE(webm.error().message.find("cannot hold the source's sound (aac)"), std::string::npos)
      << webm.error().message;
  const auto opus = make_clip(folder, "opus.mkv",
                              picture(96, 64, "25", 0.4) + tone(0.4) + "-c:v libx264 -c:a libopus");
  EXPECT_TRUE(check_sound_fits(opus, "out.mp4"));
  EXPECT_TRUE(check_sound_fits(opus, "out.webm"));
  EXPECT_FALSE(check_sound_fits(opus, "out.mov"));
}

}  // namespace
}  // namespace posefleet

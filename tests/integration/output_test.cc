// `posefleet run` with its real processes: every kind of output.
#include <csignal>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/media/frame_table.h"
#include "common/media/verify.h"
#include "tests/support/fixtures.h"
#include "tests/support/programs.h"

namespace posefleet::tests {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class Workplace final {
 public:
  static Workplace& get() {
    static Workplace place;
    return place;
  }
  fs::path clip() const { return folder_ / "clip.mkv"; }
  fs::path folder() const { return folder_; }

  fs::path last_work_dir() const { return folder_ / ("work-" + std::to_string(runs_)); }

  // Of a run with a work folder of its own.
  std::vector<std::string> arguments(const fs::path& input, const std::string& output) {
    ++runs_;
    fs::create_directories(last_work_dir());
    return {"run",
            input.string(),
            "-o",
            (folder_ / output).string(),
            "--model",
            (folder_ / "model").string(),
            "--work-dir",
            last_work_dir().string(),
            "--preset",
            "ultrafast",
            "--pose-workers",
            "1",
            "--render-workers",
            "2",
            "--json"};
  }
  // `run` on the clip with its output under this name.
  Ended render(const std::string& name, const std::vector<std::string>& options) {
    std::vector<std::string> all = arguments(clip(), name);
    all.insert(all.end(), options.begin(), options.end());
    return run("posefleet", all);
  }

 private:
  Workplace() {
    EXPECT_EQ(run("posefleet-random-model", {(folder_ / "model").string()}).exit_code, 0);
    write_file(folder_ / "words.srt", "1\n00:00:00,200 --> 00:00:00,900\nSomebody\n\n");
    // 10 bits, with sound and subtitles.
    const Ended made =
        run("/usr/bin/ffmpeg", {"-v",       "error",
                                "-f",       "lavfi",
                                "-i",       "testsrc2=size=192x108:rate=25:duration=2",
                                "-f",       "lavfi",
                                "-i",       "sine=frequency=440:duration=2",
                                "-i",       (folder_ / "words.srt").string(),
                                "-map",     "0",
                                "-map",     "1",
                                "-map",     "2",
                                "-pix_fmt", "yuv420p10le",
                                "-c:v",     "libx264",
                                "-c:a",     "libopus",
                                "-c:s",     "srt",
                                "-y",       clip().string()});
    EXPECT_EQ(made.exit_code, 0) << made.err;
  }

  TempDir folder_owner_;
  fs::path folder_ = folder_owner_.path();
  int runs_ = 0;
};

std::string look_of(const fs::path& file) {
  return run("/usr/bin/ffprobe",
             {"-v", "error", "-select_streams", "v:0", "-show_entries",
              "stream=codec_name,pix_fmt,width,height", "-of", "csv=p=0", file.string()})
      .out;
}

TEST(Output, HasTheCodecDepthAndStreamsThatWereAskedFor) {
  Workplace& place = Workplace::get();
  const struct {
    const char* name;
    std::vector<std::string> options;
    const char* look;
  } cases[] = {
      {"plain.mkv", {}, "h264,192,108,yuv420p\n"},
      {"deep.mkv", {"--codec", "hevc", "--keep-depth"}, "hevc,192,108,yuv420p10le\n"},
      {"named.webm", {"--crf", "50"}, "av1,192,108,yuv420p\n"},
      {"lossless.mkv", {"--codec", "ffv1"}, "ffv1,192,108,yuv420p10le\n"},
  };
  const FrameTable table = probe_frame_table(place.clip())->table;
  for (const auto& test : cases) {
    SCOPED_TRACE(test.name);
    const Ended ended = place.render(test.name, test.options);
    ASSERT_EQ(ended.exit_code, 0) << ended.err;
    const fs::path out = place.folder() / test.name;
    EXPECT_EQ(look_of(out), test.look);
    const auto verified = verify_output(out, place.clip(), table, {.decode_frames = true});
    ASSERT_TRUE(verified) << verified.error().message;
    EXPECT_EQ(verified->frames_decoded, 50u);
  }
}

TEST(Output, AsPicturesIsAFolderWithOneForEachFrame) {
  Workplace& place = Workplace::get();
  const Ended ended = place.render("pictures", {"--output-format", "png"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(Json::parse(ended.out).at("output_path"), (place.folder() / "pictures").string());
  EXPECT_EQ(files_starting_with(place.folder() / "pictures", "frame_"), 50u);
  EXPECT_EQ(look_of(place.folder() / "pictures" / "frame_000049.png"), "png,192,108,rgb24\n");
  const Ended again = place.render("pictures", {"--output-format", "png"});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_NE(again.err.find("is not empty"), std::string::npos) << again.err;
}

TEST(Output, AsOverlayIsTransparentWhereNobodyIs) {
  Workplace& place = Workplace::get();
  const Ended ended = place.render("overlay.mov", {"--output-format", "overlay"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  const fs::path out = place.folder() / "overlay.mov";
  EXPECT_EQ(look_of(out), "prores,192,108,yuva444p12le\n");
  // The opacity of all pixels of a frame, as a grey picture.
  const Ended alpha =
      run("/usr/bin/ffmpeg", {"-v", "error", "-i", out.string(), "-frames:v", "1", "-vf",
                              "alphaextract", "-pix_fmt", "gray", "-f", "rawvideo", "-"});
  ASSERT_EQ(alpha.out.size(), std::size_t{192} * 108);
  int clear = 0, solid = 0;
  for (const char pixel : alpha.out) {
    clear += static_cast<unsigned char>(pixel) < 4 ? 1 : 0;
    solid += static_cast<unsigned char>(pixel) > 251 ? 1 : 0;
  }
  EXPECT_GT(clear, 1000);
  EXPECT_GT(solid, 100);
}

std::string raw(const std::vector<std::string>& input, const std::string& filter,
                const std::string& format) {
  std::vector<std::string> arguments = {"-v", "error"};
  arguments.insert(arguments.end(), input.begin(), input.end());
  arguments.insert(arguments.end(), {"-vf", filter, "-pix_fmt", format, "-f", "rawvideo", "-"});
  return run("/usr/bin/ffmpeg", arguments).out;
}

// A picture of PNG overlays says where bodies are, to the pixel, and a lossless output what became
// of the rest.
TEST(Output, LeavesEverySampleAloneThatNoBodyTouches) {
  Workplace& place = Workplace::get();
  constexpr std::size_t kWidth = 192, kHeight = 108, kFrames = 50;
  const Ended masks = place.render("masks", {"--output-format", "overlay", "--codec", "png"});
  ASSERT_EQ(masks.exit_code, 0) << masks.err;
  const Ended drawn = place.render("exact.mkv", {"--codec", "ffv1"});
  ASSERT_EQ(drawn.exit_code, 0) << drawn.err;
  const std::string alpha =
      raw({"-i", (place.folder() / "masks" / "frame_%06d.png").string()}, "alphaextract", "gray");
  ASSERT_EQ(alpha.size(), kWidth * kHeight * kFrames);
  const std::string before = raw({"-i", place.clip().string()}, "null", "yuv420p10le");
  const std::string after =
      raw({"-i", (place.folder() / "exact.mkv").string()}, "null", "yuv420p10le");
  constexpr std::size_t kLuma = 2 * kWidth * kHeight;  // bytes
  constexpr std::size_t kFrame = kLuma * 3 / 2;
  ASSERT_EQ(before.size(), kFrame * kFrames);
  ASSERT_EQ(after.size(), before.size());

  const auto is_body = [&](std::size_t frame, std::size_t x, std::size_t y) {
    return x < kWidth && y < kHeight && alpha[(frame * kHeight + y) * kWidth + x] != 0;
  };
  // Chroma lies on a column of its pair and takes from both sides (worker/render/sinks.cc).
  const auto is_body_at_chroma = [&](std::size_t frame, std::size_t x, std::size_t y) {
    for (std::size_t row = 2 * y; row < 2 * y + 2; ++row) {
      for (std::size_t column = 2 * x; column < 2 * x + 3; ++column) {
        if (column > 0 && is_body(frame, column - 1, row)) return true;
      }
    }
    return false;
  };
  std::size_t changed = 0;
  for (std::size_t i = 0; i < before.size(); i += 2) {
    if (before.compare(i, 2, after, i, 2) == 0) continue;
    ++changed;
    const std::size_t frame = i / kFrame, at = i % kFrame / 2;
    if (at < kLuma / 2) {
      ASSERT_TRUE(is_body(frame, at % kWidth, at / kWidth)) << frame << ":" << at;
    } else {
      const std::size_t sample = (at - kLuma / 2) % (kWidth * kHeight / 4);
      ASSERT_TRUE(is_body_at_chroma(frame, sample % (kWidth / 2), sample / (kWidth / 2)))
          << frame << ":" << at;
    }
  }
  EXPECT_GT(changed, 10000u);
  EXPECT_LT(changed, before.size() / 4) << "bodies are everywhere, so nothing was shown";
}

std::uint32_t frames_in(const fs::path& file) {
  const auto probed = probe_frame_table(file);
  return probed ? probed->table.frame_count() : 0;
}

// Empty until there is one.
fs::path live_file_in(const fs::path& work_dir) {
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(work_dir, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (entry->path().filename() == "live.mp4") return entry->path();
  }
  return {};
}

TEST(Output, CanBeWatchedWhileItGrowsAlsoAfterARestart) {
  Workplace& place = Workplace::get();
  const fs::path film = place.folder() / "film.mkv";  // four render ranges
  ASSERT_EQ(run("/usr/bin/ffmpeg", {"-v", "error", "-stream_loop", "3", "-i", place.clip().string(),
                                    "-c", "copy", film.string()})
                .exit_code,
            0);
  const Ended plain = run("posefleet", place.arguments(film, "plain-film.mkv"));
  ASSERT_EQ(plain.exit_code, 0) << plain.err;

  std::vector<std::string> arguments = place.arguments(film, "live-film.mkv");
  const fs::path work_dir = place.last_work_dir();
  arguments.push_back("--live");
  Program program("posefleet", arguments);
  fs::path live;
  const auto is_growing = [&] {
    live = live_file_in(work_dir);
    return !live.empty() && frames_in(live) > 0;
  };
  ASSERT_TRUE(eventually(is_growing));
  EXPECT_LT(frames_in(live), 200u) << "it was there only when all was done";
  const std::vector<pid_t> coordinators = children_of(program.pid(), "posefleet-coordinator");
  ASSERT_EQ(coordinators.size(), 1u);
  kill(coordinators.front(), SIGKILL);
  fs::remove(live);
  EXPECT_TRUE(eventually(is_growing));
  const Ended ended = program.wait();
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_NE(ended.err.find("can be watched while it grows: " + live.string()), std::string::npos)
      << ended.err;
  EXPECT_EQ(Json::parse(ended.out).at("output_sha256"), Json::parse(plain.out).at("output_sha256"));
}

TEST(Output, ThatMakesNoSenseIsRefusedAtOnce) {
  Workplace& place = Workplace::get();
  const struct {
    const char* name;
    std::vector<std::string> options;
    const char* message;
  } cases[] = {
      {"out.mp4", {"--codec", "ffv1"}, "ffv1 does not go into .mp4; name the output .mkv"},
      {"out.avi", {}, "h264 does not go into .avi"},
      {"out.mp4", {"--output-format", "overlay"}, "prores does not go into .mp4"},
      {"out.mov", {"--output-format", "overlay", "--codec", "h264"}, "needs transparency"},
      {"out.mkv", {"--crf", "52"}, "crf is 52, not within 0 to 51"},
      {"out.mkv", {"--codec", "ffv1", "--crf", "5"}, "ffv1 has none"},
      {"out.mov", {"--codec", "prores", "--live"}, "--live is for videos in h264"},
      {"out.webm", {"--tune", "film"}, "av1 has none"},
  };
  for (const auto& test : cases) {
    const Ended ended = place.render(test.name, test.options);
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_NE(ended.err.find(test.message), std::string::npos) << ended.err;
  }
}

}  // namespace
}  // namespace posefleet::tests

// `posefleet run` on a part of a video, on pictures in a folder, and on a video that is damaged in
// the middle: real processes, and what ffprobe says of the outputs.
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/fixtures.h"
#include "tests/support/programs.h"

namespace posefleet::tests {
namespace {

using Json = nlohmann::json;

// Frames of the film below, 25 a second; a key frame each second.
constexpr int kFilmFrames = 150;

class Selection : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempDir;
    ASSERT_EQ(run("posefleet-random-model", {path("model")}).exit_code, 0);
    ASSERT_EQ(
        ffmpeg({"-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=6", "-f", "lavfi", "-i",
                "sine=duration=6", "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p",
                "-x264-params", "keyint=25:bframes=3:open-gop=1", "-c:a", "aac", path("film.mp4")}),
        0);
    std::filesystem::create_directory(path("frames"));
    ASSERT_EQ(ffmpeg({"-i", path("film.mp4"), "-frames:v", "20", path("frames/%04d.png")}), 0);
    write_file(path("nobody.txt"), "");
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }

  static std::string path(const std::string& name) { return (*folder_ / name).string(); }

  static int ffmpeg(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"-nostdin", "-v", "error", "-y"});
    return run("/usr/bin/ffmpeg", arguments).exit_code;
  }

  // Nobody is looked for: what is tested is which frames come out, and when.
  static Ended posefleet(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "run");
    for (const char* one : {"--boxes", "nobody.txt", "--model", "model"}) {
      arguments.push_back(one[0] == '-' ? one : path(one));
    }
    for (const char* one : {"--pose-workers", "1", "--render-workers", "2", "--json"}) {
      arguments.push_back(one);
    }
    return run("posefleet", arguments);
  }

  // Presentation times in seconds.
  static std::vector<double> times(const std::string& name, const char* stream) {
    const Ended probed =
        run("/usr/bin/ffprobe", {"-v", "error", "-select_streams", stream, "-show_entries",
                                 "packet=pts_time", "-of", "csv=p=0", path(name)});
    std::vector<double> found;
    std::size_t at = 0;
    while (at < probed.out.size()) {
      const std::size_t end = probed.out.find('\n', at);
      if (end > at) found.push_back(std::stod(probed.out.substr(at, end - at)));
      at = end + 1;
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  static TempDir* folder_;
};

TempDir* Selection::folder_ = nullptr;

TEST_F(Selection, OfAPieceKeepsItsTimesAndItsSound) {
  const Ended ended = posefleet(
      {path("film.mp4"), "-o", path("piece.mp4"), "--start", "2.5", "--end", "0:04", "--fps", "5"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  const Json result = Json::parse(ended.out);
  EXPECT_EQ(result.at("total_frames"), kFilmFrames);
  EXPECT_EQ(result.at("processed_frames"), 8);
  EXPECT_EQ(result.at("fps"), 5.0);
  // Frames 63, 68 ... at 2.52 s, 2.72 s ...; the piece begins at 2.5 s.
  const std::vector<double> pictures = times("piece.mp4", "v");
  ASSERT_EQ(pictures.size(), 8u);
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    EXPECT_NEAR(pictures[i], 0.02 + 0.2 * static_cast<double>(i), 1e-4);
  }
  // Sound packets last 1024 samples of 44100 a second.
  const std::vector<double> sound = times("piece.mp4", "a");
  ASSERT_FALSE(sound.empty());
  EXPECT_GE(sound.front(), 0.0);
  EXPECT_LT(sound.front(), 0.024);
  EXPECT_LT(sound.back(), 1.5);
  EXPECT_GT(sound.back(), 1.45);
}

TEST_F(Selection, OfAFewFramesTakesTheFirst) {
  const Ended ended = posefleet({path("film.mp4"), "-o", path("few.mkv"), "--max-frames", "7"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  const std::vector<double> pictures = times("few.mkv", "v");
  ASSERT_EQ(pictures.size(), 7u);
  EXPECT_NEAR(pictures.back(), 0.24, 1e-3);
}

TEST_F(Selection, ThatMakesNoSenseIsRefused) {
  const struct {
    std::vector<std::string> options;
    int exit_code;
    const char* message;
  } cases[] = {
      {{"--start", "1:99"}, 2, "--start: the time '1:99' is none"},
      {{"--start", "3", "--end", "2"}, 2, "is not behind the start"},
      {{"--fps", "0"}, 2, "--fps: the rate '0' is none"},
      {{"--start", "7"}, 3, "is selected: its last frame is shown at 5.96"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.message);
    std::vector<std::string> arguments = {path("film.mp4"), "-o", path("none.mp4")};
    arguments.insert(arguments.end(), test.options.begin(), test.options.end());
    const Ended ended = posefleet(arguments);
    EXPECT_EQ(ended.exit_code, test.exit_code);
    EXPECT_NE(ended.err.find(test.message), std::string::npos) << ended.err;
    EXPECT_FALSE(std::filesystem::exists(path("none.mp4")));
  }
}

TEST_F(Selection, PicturesInAFolderAreAVideo) {
  for (const char* source : {"frames", "frames/%04d.png"}) {
    SCOPED_TRACE(source);
    const Ended ended =
        posefleet({path(source), "-o", path("pictures.mp4"), "--fps", "10", "--start", "0.5"});
    ASSERT_EQ(ended.exit_code, 0) << ended.err;
    EXPECT_EQ(Json::parse(ended.out).at("total_frames"), 20);
    const std::vector<double> pictures = times("pictures.mp4", "v");
    ASSERT_EQ(pictures.size(), 15u);
    EXPECT_NEAR(pictures.back(), 1.4, 1e-6);
  }
  const Ended without_rate = posefleet({path("frames"), "-o", path("none.mp4")});
  EXPECT_EQ(without_rate.exit_code, 2);
  EXPECT_NE(without_rate.err.find("say with --fps"), std::string::npos) << without_rate.err;
}

TEST_F(Selection, ADamagedVideoComesOutWholeAndItsFramesAreNamed) {
  std::string bytes = read_file(path("film.mp4"));
  for (std::size_t i = bytes.size() / 2; i < bytes.size() / 2 + 3000; ++i) bytes[i] ^= 0x5a;
  write_file(path("damaged.mp4"), bytes);
  const Ended ended = posefleet({path("damaged.mp4"), "-o", path("mended.mp4")});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  const Json result = Json::parse(ended.out);
  EXPECT_EQ(result.at("processed_frames"), kFilmFrames);
  EXPECT_GT(result.at("frames_damaged").get<int>(), 0);
  EXPECT_EQ(times("mended.mp4", "v").size(), static_cast<std::size_t>(kFilmFrames));
  EXPECT_NE(ended.err.find("frames are damaged ("), std::string::npos) << ended.err;
  EXPECT_EQ(result.at("mesh_rendering_stats").at("retries"), 0);
}

}  // namespace
}  // namespace posefleet::tests

// `posefleet run` and `pose` with a model that has a detector: people are where it says, and a
// detector that cannot be used costs a warning, not the video.
#include <algorithm>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/model_folder/model_folder.h"
#include "tests/support/detectors.h"
#include "tests/support/fixtures.h"
#include "tests/support/programs.h"

namespace posefleet::tests {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr int kFrames = 60;

// A bright person of 40x100 pixels walks through a dark room, two pixels a frame, and is not there
// in the last ten frames.
struct Walk {
  static int left(int frame) { return 20 + 2 * frame; }
  static constexpr int kTop = 40;
  static constexpr int kWidth = 40;
  static constexpr int kHeight = 100;
  static constexpr int kFramesWithThem = kFrames - 10;
};

// Made once: clips, and models with a good, a broken and no detector.
class Workplace final {
 public:
  static Workplace& get() {
    static Workplace place;
    return place;
  }

  fs::path path(const std::string& name) const { return folder_ / name; }

  Json run_ok(const std::string& model, const std::vector<std::string>& more = {},
              int pose_workers = 1) {
    const Ended ended = run_clip(model, more, pose_workers);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return ended.exit_code == 0 ? Json::parse(ended.out) : Json();
  }
  Ended run_clip(const std::string& model, const std::vector<std::string>& more,
                 int pose_workers = 1) {
    std::vector<std::string> arguments = {"run",
                                          path("walk.mkv").string(),
                                          "-o",
                                          path("out-" + std::to_string(++runs_) + ".mp4").string(),
                                          "--model",
                                          path(model).string(),
                                          "--range-frames",
                                          "7",
                                          "--pose-workers",
                                          std::to_string(pose_workers),
                                          "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run("posefleet", arguments);
  }

 private:
  Workplace() {
    make_clip();
    make_model("plain");
    make_model("detecting");
    write_detector(path("detecting") / kDetectorName, bright_detector_source(),
                   bright_detector_config(320, true));
    add_detector_to_model(path("detecting"));
    make_model("broken");
    write_file(path("broken") / kDetectorName, "this was a detector once");
    add_detector_to_model(path("broken"));
    std::string boxes;
    for (int frame = 0; frame < Walk::kFramesWithThem; ++frame) {
      const int x = Walk::left(frame);
      boxes += std::to_string(frame) + "," + std::to_string(x) + "," + std::to_string(Walk::kTop) +
               "," + std::to_string(x + Walk::kWidth) + "," +
               std::to_string(Walk::kTop + Walk::kHeight) + ",0.9\n";
    }
    write_file(path("boxes.txt"), boxes);
  }

  void make_model(const std::string& name) {
    EXPECT_EQ(run("posefleet-random-model", {path(name).string()}).exit_code, 0);
  }

  // Without loss, so that the person's edges are where they were drawn.
  void make_clip() {
    const std::string person = "color=white:size=40x100:rate=25";
    const std::string room = "color=black:size=320x180:rate=25:duration=2.4";
    // The overlay counts its frames from 1, what enables it from 0.
    const std::string walk = "[0][1]overlay=x='18+2*n':y=40:shortest=1:enable='lt(n,50)'";
    for (const auto& [file, frames] : {std::pair("walk.mkv", "60"), {"still.png", "1"}}) {
      std::vector<std::string> arguments = {
          "-v",    "error", "-f",   "lavfi",           "-i", room,        "-f",
          "lavfi", "-i",    person, "-filter_complex", walk, "-frames:v", frames};
      if (fs::path(file).extension() == ".mkv") {
        for (const char* word : {"-c:v", "libx264", "-qp", "0", "-pix_fmt", "yuv444p"}) {
          arguments.emplace_back(word);
        }
      }
      arguments.insert(arguments.end(), {"-y", path(file).string()});
      const Ended made = run("/usr/bin/ffmpeg", arguments);
      EXPECT_EQ(made.exit_code, 0) << made.err;
    }
  }

  TempDir folder_owner_;
  fs::path folder_ = folder_owner_.path();
  int runs_ = 0;
};

TEST(Detect, PeopleAreWhereTheDetectorSays) {
  Workplace& place = Workplace::get();
  const Json found = place.run_ok("detecting", {"--steady", "off"});
  const Json told = place.run_ok("detecting", {"--boxes", place.path("boxes.txt").string()});
  ASSERT_FALSE(found.is_null() || told.is_null());
  EXPECT_EQ(found.at("total_frames"), kFrames);
  EXPECT_EQ(found.at("frames_with_people"), Walk::kFramesWithThem);
  EXPECT_EQ(found.at("warnings").size(), 0u) << found.at("warnings");
  // The very boxes, scores and bodies that a file with the true boxes gives.
  EXPECT_EQ(found.at("poses_sha256"), told.at("poses_sha256"));
  EXPECT_EQ(found.at("output_sha256"), told.at("output_sha256"));
}

TEST(Detect, GivesTheSameBytesWithAnyNumberOfWorkers) {
  Workplace& place = Workplace::get();
  const std::vector<std::string> settings = {"--imgsz", "160", "--tiles", "2", "--conf", "0.3"};
  const Json one = place.run_ok("detecting", settings, 1);
  const Json three = place.run_ok("detecting", settings, 3);
  ASSERT_FALSE(one.is_null() || three.is_null());
  EXPECT_GT(one.at("people"), 0);
  EXPECT_EQ(one.at("poses_sha256"), three.at("poses_sha256"));
  EXPECT_EQ(one.at("output_sha256"), three.at("output_sha256"));
}

TEST(Detect, SettingsReachTheDetector) {
  Workplace& place = Workplace::get();
  EXPECT_EQ(place.run_ok("detecting", {"--conf", "0.95"}).at("people"), 0);
  EXPECT_EQ(place.run_ok("detecting", {"--min-width", "41"}).at("people"), 0);
  EXPECT_EQ(place.run_ok("detecting", {"--min-width", "40", "--min-height", "100"}).at("people"),
            Walk::kFramesWithThem);
}

TEST(Detect, ABrokenDetectorCostsAWarningAndTakesWholeFrames) {
  Workplace& place = Workplace::get();
  const Json broken = place.run_ok("broken", {"--steady", "off"});
  const Json plain = place.run_ok("plain");
  ASSERT_FALSE(broken.is_null() || plain.is_null());
  EXPECT_EQ(broken.at("frames_with_people"), kFrames);
  EXPECT_EQ(broken.at("poses_sha256"), plain.at("poses_sha256"));
  EXPECT_EQ(broken.at("pose_detection_stats").at("frames_undetected"), kFrames);
  ASSERT_EQ(broken.at("warnings").size(), 1u) << broken.at("warnings");
  const std::string warning = broken.at("warnings")[0];
  EXPECT_NE(warning.find("the whole frame was taken"), std::string::npos) << warning;
  EXPECT_NE(warning.find("detector.torchscript cannot be used"), std::string::npos) << warning;
  EXPECT_EQ(plain.at("warnings").size(), 0u);
  // Boxes need no detector.
  EXPECT_EQ(
      place.run_ok("broken", {"--boxes", place.path("boxes.txt").string()}).at("warnings").size(),
      0u);
}

TEST(Detect, APictureShowsTheBoxesThatWereFound) {
  Workplace& place = Workplace::get();
  const Ended ended = run("posefleet", {"pose", place.path("still.png").string(), "--model",
                                        place.path("detecting").string()});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  const Json people = Json::parse(ended.out).at("people");
  ASSERT_EQ(people.size(), 1u);
  EXPECT_EQ(people[0].at("box"), Json({20, 40, 60, 140}));
  EXPECT_FLOAT_EQ(people[0].at("score").get<float>(), 0.9f);
}

TEST(Detect, RefusesSettingsThatSayNothing) {
  Workplace& place = Workplace::get();
  const struct {
    const char* name;
    const char* model;
    std::vector<std::string> arguments;
    int exit_code;
    const char* message;
  } cases[] = {
      {"a model without a detector", "plain", {"--conf", "0.5"}, 2, "has no detector"},
      {"no such share", "detecting", {"--conf", "2"}, 2, "--conf"},
      {"too many tiles", "detecting", {"--tiles", "9"}, 2, "--tiles"},
      {"no multiple of the stride", "detecting", {"--imgsz", "333"}, 3, "multiples of 32"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const Ended ended = place.run_clip(c.model, c.arguments);
    EXPECT_EQ(ended.exit_code, c.exit_code) << ended.err;
    EXPECT_NE(ended.err.find(c.message), std::string::npos) << ended.err;
  }
}

TEST(Detect, ModelShowTellsOfTheDetector) {
  Workplace& place = Workplace::get();
  const auto manifest = read_manifest(place.path("detecting") / "manifest.yaml");
  ASSERT_TRUE(manifest) << manifest.error().message;
  Manifest described = *manifest;
  described.detector =
      DetectorManifest{.file = kDetectorName, .imgsz = 320, .dynamic = false, .conf = 0.15};
  fs::copy(place.path("detecting"), place.path("described"));
  ASSERT_TRUE(write_manifest(place.path("described"), described,
                             {"hmr2.safetensors", "body.safetensors", kDetectorName}));
  const Ended shown = run("posefleet", {"model", "show", place.path("described"), "--json"});
  ASSERT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_EQ(Json::parse(shown.out).at("detector").at("conf"), 0.15);
  // What the manifest rules out is said before anything is started.
  const Ended refused = place.run_clip("described", {"--imgsz", "640"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("exported for 320 pixels alone"), std::string::npos) << refused.err;
}

}  // namespace
}  // namespace posefleet::tests

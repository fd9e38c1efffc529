// A frame that kills every worker that computes it, with real processes: it is found, taken out and
// named, and everything else is as if nothing had happened.
#include <cstdlib>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/fixtures.h"
#include "tests/support/programs.h"

namespace posefleet::tests {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// The cluster's programs in a folder of their own, with workers that a frame kills.
class Fleet final {
 public:
  Fleet() {
    fs::create_directories(bin_);
    for (const char* name : {"posefleet", "posefleet-coordinator"}) {
      fs::copy_file(fs::path(POSEFLEET_BIN_DIR) / name, bin_ / name);
    }
    for (const char* name : {"posefleet-pose-worker", "posefleet-render-worker"}) {
      fs::copy_file(fs::path(POSEFLEET_BIN_DIR) / "../tests/poison_worker", bin_ / name);
    }
    EXPECT_EQ(run("posefleet-random-model", {(folder_ / "model").string()}).exit_code, 0);
    const Ended made =
        run("/usr/bin/ffmpeg",
            {"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=4", "-c:v",
             "libx264", "-bf", "2", "-y", (folder_ / "clip.mp4").string()});
    EXPECT_EQ(made.exit_code, 0) << made.err;
  }

  Ended run_with(const std::string& kills, const std::vector<std::string>& more = {}) {
    setenv("POSEFLEET_TEST_KILLS", kills.c_str(), 1);
    const fs::path work_dir = folder_ / ("work-" + kills);
    fs::create_directories(work_dir);
    std::vector<std::string> arguments = {"run",
                                          (folder_ / "clip.mp4").string(),
                                          "-o",
                                          (folder_ / (kills + ".mp4")).string(),
                                          "--model",
                                          (folder_ / "model").string(),
                                          "--work-dir",
                                          work_dir.string(),
                                          "--pose-workers",
                                          "1",
                                          "--render-workers",
                                          "1",
                                          "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run((bin_ / "posefleet").string(), arguments);
  }

  fs::path output(const std::string& kills) const { return folder_ / (kills + ".mp4"); }

 private:
  TempDir owner_;
  fs::path folder_ = owner_.path();
  fs::path bin_ = folder_ / "bin";
};

TEST(Poison, AFrameThatKillsEveryPoseWorkerIsTakenOutAndNothingElse) {
  Fleet fleet;
  const Ended empty = fleet.run_with("nobody");
  ASSERT_EQ(empty.exit_code, 0) << empty.err;
  const Ended killed = fleet.run_with("pose");
  ASSERT_EQ(killed.exit_code, 0) << killed.err;
  const Json expected = Json::parse(empty.out);
  const Json found = Json::parse(killed.out);
  EXPECT_EQ(expected["frames_with_people"], 99);
  EXPECT_EQ(found["frames_with_people"], 99);
  // As if the frame had been computed and nobody been in it, to the last byte.
  EXPECT_EQ(found["poses_sha256"], expected["poses_sha256"]);
  EXPECT_EQ(found["output_sha256"], expected["output_sha256"]);
  ASSERT_EQ(found["warnings"].size(), 1u) << found["warnings"];
  EXPECT_TRUE(found["warnings"][0].get<std::string>().starts_with(
      "frame 37 has no pose and keeps its original picture: "))
      << found["warnings"];
}

TEST(Poison, AFrameThatKillsEveryRenderWorkerKeepsItsPicture) {
  Fleet fleet;
  const Ended killed = fleet.run_with("draw");
  ASSERT_EQ(killed.exit_code, 0) << killed.err;
  const Json found = Json::parse(killed.out);
  EXPECT_EQ(found["total_frames"], 100);
  EXPECT_EQ(found["frames_with_people"], 100);
  EXPECT_EQ(found["mesh_rendering_stats"]["frames_kept_original"], 1);
  ASSERT_EQ(found["warnings"].size(), 1u) << found["warnings"];
  EXPECT_TRUE(
      found["warnings"][0].get<std::string>().starts_with("frame 37 keeps its original picture: "))
      << found["warnings"];
}

TEST(Poison, AJobThatAsksToFailSaysWhichFrameItWas) {
  Fleet fleet;
  const Ended failed = fleet.run_with("pose", {"--on-quarantine", "fail"});
  EXPECT_EQ(failed.exit_code, 3);
  EXPECT_NE(failed.err.find("frames 37 to 37 failed 3 times"), std::string::npos) << failed.err;
  EXPECT_FALSE(fs::exists(fleet.output("pose")));
}

}  // namespace
}  // namespace posefleet::tests

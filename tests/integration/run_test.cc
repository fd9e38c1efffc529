// `posefleet run` with its real processes: what comes out, and what does not change it.
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

// One folder for all cases: the model, a clip and the undisturbed result are made once.
class Workplace final {
 public:
  static Workplace& get() {
    static Workplace place;
    return place;
  }

  fs::path model() const { return folder_ / "model"; }
  fs::path clip() const { return folder_ / "clip.mp4"; }
  fs::path nobody() const { return folder_ / "nobody.txt"; }
  // A new folder for one run's files.
  fs::path new_work_dir() {
    const fs::path folder = folder_ / ("work-" + std::to_string(++runs_));
    fs::create_directories(folder);
    return folder;
  }
  fs::path new_output() { return folder_ / ("out-" + std::to_string(++runs_) + ".mp4"); }

  // What one pose worker and one render worker make of the clip.
  const Json& undisturbed() {
    if (undisturbed_.is_null()) {
      const Ended ended = run("posefleet", arguments(clip(), new_output(), new_work_dir(), 1, 1));
      EXPECT_EQ(ended.exit_code, 0) << ended.err;
      undisturbed_ = Json::parse(ended.out);
    }
    return undisturbed_;
  }

  std::vector<std::string> arguments(const fs::path& input, const fs::path& output,
                                     const fs::path& work_dir, int pose_workers,
                                     int render_workers) const {
    return {"run",
            input.string(),
            "-o",
            output.string(),
            "--model",
            model().string(),
            "--work-dir",
            work_dir.string(),
            "--range-frames",
            "6",
            "--pose-workers",
            std::to_string(pose_workers),
            "--render-workers",
            std::to_string(render_workers),
            "--json"};
  }

 private:
  Workplace() {
    EXPECT_EQ(run("posefleet-random-model", {model().string()}).exit_code, 0);
    // 6 s at 25 frames/s with B-frames and sound.
    const Ended made = run("/usr/bin/ffmpeg", {"-v",   "error",
                                               "-f",   "lavfi",
                                               "-i",   "testsrc2=size=320x180:rate=25:duration=6",
                                               "-f",   "lavfi",
                                               "-i",   "sine=frequency=440:duration=6",
                                               "-c:v", "libx264",
                                               "-bf",  "3",
                                               "-g",   "40",
                                               "-c:a", "aac",
                                               "-y",   clip().string()});
    EXPECT_EQ(made.exit_code, 0) << made.err;
    write_file(nobody(), "# nobody is in this video\n");
  }

  TempDir folder_owner_;
  fs::path folder_ = folder_owner_.path();
  Json undisturbed_;
  int runs_ = 0;
};

void expect_exact(const fs::path& output, const fs::path& source) {
  const auto probe = probe_frame_table(source);
  ASSERT_TRUE(probe) << probe.error().message;
  const auto verified = verify_output(output, source, probe->table, {.decode_frames = true});
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->frames, probe->table.frame_count());
  EXPECT_EQ(verified->frames_decoded, probe->table.frame_count());
  EXPECT_EQ(verified->audio_packets, probe->audio_packets);
  EXPECT_TRUE(verified->video_times_exact);
}

TEST(Run, KeepsFramesTimesAndSound) {
  Workplace& place = Workplace::get();
  const Json& result = place.undisturbed();
  EXPECT_EQ(result.at("total_frames"), 150);
  EXPECT_EQ(result.at("frames_with_people"), 150);
  expect_exact(result.at("output_path").get<std::string>(), place.clip());
}

TEST(Run, MakesTheSameBytesWithAnyNumberOfWorkers) {
  Workplace& place = Workplace::get();
  for (const auto& [pose, render, models] : {std::tuple(3, 2, 1), {1, 2, 2}, {2, 1, 1}}) {
    SCOPED_TRACE(std::to_string(pose) + " pose and " + std::to_string(render) + " render workers");
    auto arguments =
        place.arguments(place.clip(), place.new_output(), place.new_work_dir(), pose, render);
    arguments.insert(arguments.end(), {"--models-per-worker", std::to_string(models)});
    const Ended ended = run("posefleet", arguments);
    ASSERT_EQ(ended.exit_code, 0) << ended.err;
    const Json result = Json::parse(ended.out);
    EXPECT_EQ(result.at("output_sha256"), place.undisturbed().at("output_sha256"));
    EXPECT_EQ(result.at("poses_sha256"), place.undisturbed().at("poses_sha256"));
  }
}

struct Victim {
  const char* program;
  const char* when;  // the first such file is there
};

// Kills the victim with SIGKILL in the middle of the job and compares the result.
void expect_same_bytes_after_killing(const Victim& victim) {
  SCOPED_TRACE(victim.program);
  Workplace& place = Workplace::get();
  const fs::path work_dir = place.new_work_dir();
  const std::string expected = place.undisturbed().at("output_sha256");
  Program program("posefleet", place.arguments(place.clip(), place.new_output(), work_dir, 2, 2));
  ASSERT_TRUE(eventually([&] { return files_starting_with(work_dir, victim.when) > 0; }));
  const std::vector<pid_t> candidates = children_of(program.pid(), victim.program);
  ASSERT_FALSE(candidates.empty());
  kill(candidates.front(), SIGKILL);
  const Ended ended = program.wait();
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(Json::parse(ended.out).at("output_sha256"), expected);
  EXPECT_TRUE(fs::is_empty(work_dir));
}

// A trail reaches over the ends of ranges, a caption is in every frame, a side-by-side frame is
// twice as wide: and still the bytes do not depend on who drew which frames.
TEST(Run, DrawsEveryStyleTheSameWithAnyNumberOfWorkers) {
  Workplace& place = Workplace::get();
  const std::vector<std::string> style = {"--style",  "side-by-side", "--trail",  "3",
                                          "--labels", "id,spine",     "--caption"};
  std::string first;
  for (const int workers : {1, 2}) {
    auto arguments =
        place.arguments(place.clip(), place.new_output(), place.new_work_dir(), workers, workers);
    arguments.insert(arguments.end(), style.begin(), style.end());
    const Ended ended = run("posefleet", arguments);
    ASSERT_EQ(ended.exit_code, 0) << ended.err;
    const Json result = Json::parse(ended.out);
    const auto probe = probe_frame_table(result.at("output_path").get<std::string>());
    ASSERT_TRUE(probe) << probe.error().message;
    EXPECT_EQ(probe->table.width, 640u);
    EXPECT_EQ(probe->table.height, 180u);
    EXPECT_EQ(probe->table.frame_count(), 150u);
    const auto sha256 = result.at("output_sha256").get<std::string>();
    if (first.empty()) first = sha256;
    EXPECT_EQ(sha256, first);
  }
}

TEST(Run, SurvivesAKilledPoseWorker) {
  expect_same_bytes_after_killing({"posefleet-pose-worker", "results-"});
}
TEST(Run, SurvivesAKilledRenderWorker) {
  expect_same_bytes_after_killing({"posefleet-render-worker", "render-0"});
}
TEST(Run, SurvivesAKilledCoordinator) {
  expect_same_bytes_after_killing({"posefleet-coordinator", "results-"});
}

TEST(Run, ReturnsTheSourcesOwnFramesWhenNobodyIsThere) {
  Workplace& place = Workplace::get();
  const fs::path output = place.new_output();
  auto arguments = place.arguments(place.clip(), output, place.new_work_dir(), 1, 1);
  arguments.insert(arguments.end(), {"--boxes", place.nobody().string()});
  const Ended ended = run("posefleet", arguments);
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(Json::parse(ended.out).at("frames_with_people"), 0);
  expect_exact(output, place.clip());
  const auto pictures = [](const fs::path& file) {
    return run("/usr/bin/ffmpeg",
               {"-v", "error", "-i", file.string(), "-f", "framemd5", "-an", "-"})
        .out;
  };
  EXPECT_EQ(pictures(output), pictures(place.clip()));
}

TEST(Run, StopsEverythingOnCtrlC) {
  Workplace& place = Workplace::get();
  const fs::path work_dir = place.new_work_dir();
  const fs::path output = place.new_output();
  Program program("posefleet", place.arguments(place.clip(), output, work_dir, 2, 1));
  ASSERT_TRUE(eventually([&] { return files_starting_with(work_dir, "results-") > 0; }));
  const std::vector<pid_t> workers = children_of(program.pid(), "posefleet-pose-worker");
  program.send(SIGINT);
  const Ended ended = program.wait(std::chrono::seconds(15));
  EXPECT_EQ(ended.exit_code, 130) << ended.err;
  EXPECT_TRUE(fs::is_empty(work_dir));
  EXPECT_FALSE(fs::exists(output));
  for (const pid_t worker : workers) EXPECT_FALSE(is_alive(worker)) << worker << " still runs";
}

TEST(Run, ChildrenDieWithAKilledParentAndTheNextRunCleansUp) {
  Workplace& place = Workplace::get();
  const fs::path work_dir = place.new_work_dir();
  Program program("posefleet", place.arguments(place.clip(), place.new_output(), work_dir, 1, 1));
  ASSERT_TRUE(eventually([&] { return files_starting_with(work_dir, "results-") > 0; }));
  const std::vector<pid_t> workers = children_of(program.pid(), "posefleet-pose-worker");
  ASSERT_FALSE(workers.empty());
  program.send(SIGKILL);
  program.wait();
  EXPECT_TRUE(eventually([&] { return !is_alive(workers.front()); }, std::chrono::seconds(15)));
  EXPECT_FALSE(fs::is_empty(work_dir));
  const Ended ended =
      run("posefleet", place.arguments(place.clip(), place.new_output(), work_dir, 1, 1));
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_TRUE(fs::is_empty(work_dir));
}

TEST(Run, TakesSeveralVideosAndDeliversTheGoodOnes) {
  Workplace& place = Workplace::get();
  const fs::path work_dir = place.new_work_dir();
  const fs::path folder = place.new_work_dir();
  const fs::path bad = folder / "bad.mp4";
  write_file(bad, "this is a text\n");
  const fs::path out_dir = folder / "out";
  const Ended ended = run(
      "posefleet", {"run", bad.string(), place.clip().string(), "-d", out_dir.string(), "--model",
                    place.model().string(), "--work-dir", work_dir.string(), "--json"});
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_NE(ended.err.find("bad.mp4"), std::string::npos) << ended.err;
  expect_exact(out_dir / "clip_posefleet.mp4", place.clip());
}

TEST(Run, KeepsTheSnowboardClipsExactly) {
  const fs::path clips = fs::path(POSEFLEET_SHARED_DIR) / "clips";
  if (!fs::is_directory(clips)) {
    std::fprintf(stderr, "not checked: %s is not on this machine\n", clips.c_str());
    return;
  }
  Workplace& place = Workplace::get();
  for (const auto& [name, frames, packets] :
       {std::tuple("snowboard-b.mov", 113, 163), {"snowboard-a.mp4", 99, 143}}) {
    SCOPED_TRACE(name);
    const fs::path output = place.new_output();
    const Ended ended =
        run("posefleet", place.arguments(clips / name, output, place.new_work_dir(), 2, 2));
    ASSERT_EQ(ended.exit_code, 0) << ended.err;
    const Json result = Json::parse(ended.out);
    EXPECT_EQ(result.at("total_frames"), frames);
    EXPECT_EQ(result.at("audio_packets"), packets);
    expect_exact(output, clips / name);
  }
}

}  // namespace
}  // namespace posefleet::tests

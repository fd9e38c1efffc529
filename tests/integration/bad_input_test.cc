// What `posefleet run` and `posefleet pose` say to input that cannot be right: a message that names
// the thing, exit code 2 or 3, and nothing left behind.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/fixtures.h"
#include "tests/support/programs.h"

namespace posefleet::tests {
namespace {

namespace fs = std::filesystem;

struct Case {
  std::string name;
  std::vector<std::string> arguments;
  int exit_code;
  std::string message;  // a part of it
};

class BadInput : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempDir;
    ASSERT_EQ(run("posefleet-random-model", {path("model")}).exit_code, 0);
    const Ended made =
        run("/usr/bin/ffmpeg",
            {"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x96:rate=10:duration=2", "-f",
             "lavfi", "-i", "sine=duration=2", "-y", path("good.mp4")});
    ASSERT_EQ(made.exit_code, 0) << made.err;
    ASSERT_EQ(run("/usr/bin/ffmpeg",
                  {"-v", "error", "-f", "lavfi", "-i", "sine=duration=1", "-y", path("sound.mp4")})
                  .exit_code,
              0);
    const std::string good = read_file(path("good.mp4"));
    write_file(path("text.mp4"), "once upon a time there was no video\n");
    write_file(path("truncated.mp4"), good.substr(0, good.size() / 2));
    write_file(path("empty.mp4"), "");
    write_file(path("bad_boxes.txt"), "0,10,10,50,90\n3,40,20,10\n");
    write_file(path("far_boxes.txt"), "999,10,10,50,90\n");
    damage_model("no_weights",
                 [](const fs::path& model) { fs::remove(model / "hmr2.safetensors"); });
    damage_model("cut_weights",
                 [](const fs::path& model) { fs::resize_file(model / "hmr2.safetensors", 1000); });
    damage_model("changed_body", [](const fs::path& model) {
      std::string bytes = read_file(model / "body.safetensors");
      bytes[bytes.size() / 2] ^= 0x40;
      write_file(model / "body.safetensors", bytes);
    });
    fs::create_directories(path("work"));
    fs::create_directories(path("out"));
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }

  static std::string path(const std::string& name) { return (*folder_ / name).string(); }

  static void damage_model(const std::string& name,
                           const std::function<void(const fs::path&)>& damage) {
    fs::copy(path("model"), path(name));
    damage(path(name));
  }

  static std::vector<std::string> run_arguments(const std::string& video,
                                                const std::string& model = "model",
                                                const std::string& output = "out/out.mp4") {
    return {"run",     path(video), "-o",         output.starts_with('/') ? output : path(output),
            "--model", path(model), "--work-dir", path("work")};
  }

  static TempDir* folder_;
};

TempDir* BadInput::folder_ = nullptr;

TEST_F(BadInput, GetsAClearMessageAndLeavesNothing) {
  auto with_boxes = [](const std::string& file) {
    auto arguments = run_arguments("good.mp4");
    arguments.insert(arguments.end(), {"--boxes", path(file)});
    return arguments;
  };
  const std::vector<Case> cases = {
      {"missing video", run_arguments("absent.mp4"), 2, "absent.mp4"},
      {"text as video", run_arguments("text.mp4"), 3, "text.mp4"},
      {"truncated video", run_arguments("truncated.mp4"), 3, "truncated.mp4"},
      {"empty video", run_arguments("empty.mp4"), 3, "empty.mp4"},
      {"sound only", run_arguments("sound.mp4"), 3, "sound.mp4"},
      {"folder as video", run_arguments("out"), 2, "out"},
      {"missing model", run_arguments("good.mp4", "nowhere"), 2, "nowhere"},
      {"model without weights", run_arguments("good.mp4", "no_weights"), 2, "hmr2.safetensors"},
      {"model with cut weights", run_arguments("good.mp4", "cut_weights"), 2, "hmr2.safetensors"},
      {"model with a changed file", run_arguments("good.mp4", "changed_body"), 3,
       "body.safetensors"},
      {"no such output folder", run_arguments("good.mp4", "model", "nowhere/out.mp4"), 2,
       "nowhere"},
      {"output folder that cannot be written", run_arguments("good.mp4", "model", "/proc/out.mp4"),
       2, "/proc"},
      {"unknown container", run_arguments("good.mp4", "model", "out/out.txt"), 2, ".mp4"},
      {"output is the input", run_arguments("good.mp4", "model", "good.mp4"), 2, "input"},
      {"boxes with a wrong line", with_boxes("bad_boxes.txt"), 2, "bad_boxes.txt:2"},
      {"boxes beyond the video", with_boxes("far_boxes.txt"), 3, "frame 999"},
      {"missing boxes", with_boxes("absent.txt"), 2, "absent.txt"},
      {"unknown option", {"run", path("good.mp4"), "--frobnicate"}, 2, "frobnicate"},
      {"too many models",
       {"run", path("good.mp4"), "--models-per-worker", "7"},
       2,
       "models-per-worker"},
      {"picture that is none",
       {"pose", path("text.mp4"), "--model", path("model"), "--work-dir", path("work")},
       3,
       "text.mp4"},
      {"picture with wrong boxes",
       {"pose", path("good.mp4"), "--model", path("model"), "--boxes", "1,2,3"},
       2,
       "1,2,3"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    const Ended ended = run("posefleet", one.arguments);
    EXPECT_EQ(ended.exit_code, one.exit_code) << ended.err;
    EXPECT_NE(ended.err.find(one.message), std::string::npos) << ended.err;
    EXPECT_TRUE(fs::is_empty(path("work")));
    EXPECT_TRUE(fs::is_empty(path("out")));
    EXPECT_EQ(ended.out, "");
  }
}

TEST_F(BadInput, AConfigurationErrorNamesFileLineKeyAndWhatIsAllowed) {
  const std::string file = path("worker.yaml");
  write_file(file, "coordinator: ipc:///tmp/nowhere\nmodel: " + path("model") +
                       "\nmodels_per_worker: 3\nthreds: 2\n");
  const Ended ended = run("posefleet-pose-worker", {"--config", file});
  EXPECT_EQ(ended.exit_code, 2);
  for (const char* part :
       {"worker.yaml:3", "models_per_worker", "1..2", "worker.yaml:4", "threds"}) {
    EXPECT_NE(ended.err.find(part), std::string::npos) << part << "\n" << ended.err;
  }
}

TEST_F(BadInput, ADaemonRefusesTheOpenNetworkWithoutKeys) {
  const std::string file = path("coordinator.yaml");
  write_file(file, "data_dir: " + path("work") + "/data\nworkers:\n  listen: tcp://0.0.0.0:5999\n");
  const Ended ended = run("posefleet-coordinator", {"--config", file});
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_NE(ended.err.find("tcp://0.0.0.0:5999"), std::string::npos) << ended.err;
}

}  // namespace
}  // namespace posefleet::tests

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/workers_command.h"

namespace posefleet::tests {
namespace {

WorkerInfo busy() {
  WorkerInfo worker;
  worker.session = SessionId{0xab};
  worker.worker = "h/pose/7";
  worker.host = "h";
  worker.pid = 7;
  worker.device = "cpu, 2 thread(s), float32";
  worker.models = 1;
  worker.model_hash = "0123456789abcdef";
  worker.key_name = "gpu-1";
  worker.frames_per_second = 2.46;
  worker.ranges_held = 2;
  worker.job = JobId{3};
  worker.frames = {16, 32};
  worker.frames_done = 5;
  return worker;
}

TEST(Workers, AreATableForPeople) {
  WorkerInfo idle;
  idle.host = "long-host-name";
  idle.role = Stage::Render;
  idle.state = WorkerState::Draining;
  EXPECT_EQ(cli::workers_table({busy(), idle}),
            "HOST            ROLE    PID  DEVICE                     MODELS  MODEL     STATE     "
            "FRAMES/S  WORK\n"
            "h               pose    7    cpu, 2 thread(s), float32  1       01234567  active    "
            "2.5       job 3 frames 16-31, 5 done\n"
            "long-host-name  render  0                               -                 draining  "
            "0.0       -\n");
}

TEST(Workers, CannotWriteToTheTerminalOfWhoLooks) {
  WorkerInfo worker = busy();
  worker.host = "h\x1b[2J\n\x7f";
  EXPECT_NE(cli::workers_table({worker}).find("h?[2J??"), std::string::npos);
  worker.device = "\xff";
  EXPECT_TRUE(nlohmann::json::accept(cli::workers_json({worker})));
}

TEST(Workers, AreJsonWithStableNames) {
  const auto json = nlohmann::json::parse(cli::workers_json({busy(), WorkerInfo{}}));
  EXPECT_EQ(json.at("workers").at(0),
            nlohmann::json::parse(R"({"session": "00000000000000ab", "worker": "h/pose/7",
              "host": "h", "pid": 7, "role": "pose", "device": "cpu, 2 thread(s), float32",
              "models": 1, "model_hash": "0123456789abcdef", "key": "gpu-1", "state": "active",
              "frames_per_second": 2.46, "ranges_held": 2,
              "range": {"job": 3, "first_frame": 16, "end_frame": 32, "frames_done": 5}})"));
  EXPECT_TRUE(json.at("workers").at(1).at("range").is_null());
}

}  // namespace
}  // namespace posefleet::tests

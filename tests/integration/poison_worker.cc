// A worker that a certain frame kills, for tests. It stands in for the pose worker or the render
// worker, by the name under which it lies in a folder: `posefleet run` starts what lies beside it.
//
// As a pose worker it needs no network: one person stands in every frame. What kills it is set by
// POSEFLEET_TEST_KILLS: "pose" or "draw", or "nobody", with which the frame is merely empty.
#include <cstdlib>
#include <filesystem>
#include <string>

#include "common/body/body_model.h"
#include "common/config/program.h"
#include "common/model_folder/model_folder.h"
#include "common/process/log.h"
#include "common/process/wake.h"
#include "common/protocol/precision.h"
#include "common/wire/codec.h"
#include "worker/runtime/config.h"
#include "worker/runtime/runtime.h"
#include "worker/stages/render_stage.h"

namespace {

using namespace posefleet;

constexpr std::uint32_t kFrame = 37;

std::string what_is_killed() {
  const char* text = std::getenv("POSEFLEET_TEST_KILLS");
  return text == nullptr ? "" : text;
}

// Upright, 5 m in front of the camera, a little further right in each frame.
PersonPose person_in(std::uint32_t frame) {
  const Rotation identity = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  PersonPose person;
  person.box = {100, 20, 200, 160, 1};
  person.global_orient = {1, 0, 0, 0, -1, 0, 0, 0, -1};
  person.body_pose.fill(identity);
  person.pred_cam = {1, 0, 0};
  person.camera_translation = {-1.0f + 0.01f * static_cast<float>(frame), 0, 5};
  person.focal_length = 400;
  return person;
}

class PoseByFormula final : public RangeExecutor {
 public:
  Result<RangeOutput> run(const Grant& grant, RangeProgress& progress) override {
    RangePoses poses;
    for (std::uint32_t frame = grant.frames.first; frame < grant.frames.end; ++frame) {
      if (frame == kFrame && what_is_killed() == "pose") std::abort();
      poses.push_back({frame, {}});
      const bool is_empty = frame == kFrame && what_is_killed() == "nobody";
      if (!is_empty) poses.back().people.push_back(person_in(frame));
      progress.add_frame();
    }
    RangeOutput output;
    output.bytes = encode(poses);
    return output;
  }
};

class DrawingThatDies final : public RangeExecutor {
 public:
  explicit DrawingThatDies(std::unique_ptr<RenderStage> stage) : stage_(std::move(stage)) {}

  Result<RangeOutput> run(const Grant& grant, RangeProgress& progress) override {
    POSEFLEET_TRY(const RenderTask task, decode_render_task(grant.task));
    for (const FramePoses& frame : task.poses) {
      const bool kills = frame.frame == kFrame && !frame.people.empty();
      if (kills && what_is_killed() == "draw") std::abort();
    }
    return stage_->run(grant, progress);
  }

 private:
  std::unique_ptr<RenderStage> stage_;
};

Result<int> serve_poses(const PoseWorkerConfig& config, StopSignal& stop) {
  POSEFLEET_TRY(const std::optional<ClientKeys> keys, check_coordinator(config));
  POSEFLEET_TRY(const ModelFolder folder, open_model_folder(config.model, HashCheck::SizesOnly));
  const auto precision = parse_precision(config.precision);
  if (!precision) return rejected("precision is " + config.precision);
  Hello hello = describe_process(Stage::Pose);
  hello.model_hash = network_id(folder.model_hash, *precision);
  // Two at once, as the real one: a death says nothing about which of them it was.
  std::vector<std::unique_ptr<RangeExecutor>> executors;
  executors.push_back(std::make_unique<PoseByFormula>());
  executors.push_back(std::make_unique<PoseByFormula>());
  Runtime runtime({.coordinator = config.coordinator, .keys = keys, .hello = hello, .prefetch = 0},
                  std::move(executors), stop);
  return runtime.run();
}

Result<int> serve_drawings(const RenderWorkerConfig& config, StopSignal& stop) {
  POSEFLEET_TRY(const std::optional<ClientKeys> keys, check_coordinator(config));
  POSEFLEET_TRY(const ModelFolder folder, open_model_folder(config.model, HashCheck::SizesOnly));
  POSEFLEET_TRY(std::shared_ptr<const BodyModel> body, BodyModel::load(folder.body_path()));
  SourceCache sources;
  POSEFLEET_TRY(std::unique_ptr<RenderStage> stage, RenderStage::create(folder, body, sources));
  RuntimeConfig runtime_config;
  runtime_config.coordinator = config.coordinator;
  runtime_config.keys = keys;
  runtime_config.hello = describe_process(Stage::Render);
  runtime_config.hello.model_hash = folder.model_hash;
  std::vector<std::unique_ptr<RangeExecutor>> executors;
  executors.push_back(std::make_unique<DrawingThatDies>(std::move(stage)));
  Runtime runtime(runtime_config, std::move(executors), stop);
  return runtime.run();
}

template <typename Config, typename Serve>
int run_worker(int argc, char** argv, const Fields<Config>& fields, Serve&& serve) {
  const auto start = start_program(argc, argv, fields, "dies of a frame, for tests");
  if (!start.config) return start.exit_code;
  StopSignal stop;
  start_log("test-worker", start.config->log_level);
  const auto exit_code = serve(*start.config, stop);
  if (exit_code) return *exit_code;
  log_error(exit_code.error().message);
  return kExitFailed;
}

}  // namespace

int main(int argc, char** argv) {
  if (std::filesystem::path(argv[0]).filename() == "posefleet-pose-worker") {
    return run_worker(argc, argv, pose_worker_fields(), serve_poses);
  }
  return run_worker(argc, argv, render_worker_fields(), serve_drawings);
}

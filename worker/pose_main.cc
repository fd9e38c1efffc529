// posefleet-pose-worker: detection and HMR2; the only program that links LibTorch.
#include <algorithm>
#include <thread>

#include "common/config/program.h"
#include "common/model_folder/model_folder.h"
#include "common/process/clock.h"
#include "common/process/log.h"
#include "common/process/wake.h"
#include "worker/runtime/config.h"
#include "worker/runtime/runtime.h"
#include "worker/stages/pose_stage.h"

namespace {

using namespace posefleet;

int threads_of(const PoseWorkerConfig& config) {
  if (config.threads > 0) return static_cast<int>(config.threads);
  return std::max(1,
                  static_cast<int>(std::thread::hardware_concurrency() / config.models_per_worker));
}

// Null when there is none or it cannot be used, which `hello` then says: the worker serves without
// it, since boxes may come with the job, and a job that wants it is told.
SharedDetectorFile detector_of(const ModelFolder& folder, Hello& hello) {
  if (!folder.has_detector()) return nullptr;
  auto file = load_detector_file(folder);
  if (!file) {
    hello.detector_state = DetectorState::Failed;
    hello.detector = file.error().message;
    log_warn("no detector, whole frames are taken as people's boxes: " + hello.detector);
    return nullptr;
  }
  hello.detector_state = DetectorState::Loaded;
  hello.detector = description_of(**file);
  log_info("detector is loaded: " + hello.detector);
  return *file;
}

Result<int> serve(const PoseWorkerConfig& config, StopSignal& stop) {
  POSEFLEET_TRY_DO(check_coordinator_endpoint(config.coordinator));
  const Instant started = now();
  POSEFLEET_TRY(const Precision precision, choose_precision(config.precision));
  POSEFLEET_TRY(const ModelFolder folder, open_model_folder(config.model, HashCheck::Full));
  POSEFLEET_TRY(const SharedWeights weights, load_weights(folder, precision));
  Hello hello = describe_process(Stage::Pose);
  const SharedDetectorFile detector = detector_of(folder, hello);
  std::vector<std::unique_ptr<RangeExecutor>> stages;
  for (std::uint32_t i = 0; i < config.models_per_worker; ++i) {
    POSEFLEET_TRY(
        std::unique_ptr<PoseStage> stage,
        PoseStage::create(folder, weights, {.threads = threads_of(config), .detector = detector}));
    stages.push_back(std::move(stage));
  }
  log_info("model " + folder.manifest.name + " is loaded " +
           std::to_string(config.models_per_worker) + " time(s), in " +
           std::to_string(seconds(now() - started)) + " s");
  RuntimeConfig runtime_config;
  runtime_config.coordinator = config.coordinator;
  runtime_config.hello = hello;
  runtime_config.hello.model_hash = network_id(folder.model_hash, precision);
  runtime_config.hello.models = config.models_per_worker;
  runtime_config.hello.device =
      "cpu, " + std::to_string(threads_of(config)) + " thread(s), " + name_of(precision);
  Runtime runtime(runtime_config, std::move(stages), stop);
  return runtime.run();
}

}  // namespace

int main(int argc, char** argv) {
  const auto start =
      start_program(argc, argv, pose_worker_fields(), "computes people's poses in frame ranges");
  if (!start.config) return start.exit_code;
  StopSignal stop;
  start_log("pose-worker", start.config->log_level);
  const auto exit_code = serve(*start.config, stop);
  if (exit_code) return *exit_code;
  log_error(exit_code.error().message);
  return kExitFailed;
}

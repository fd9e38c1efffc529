// posefleet-pose-worker: detection and HMR2; the only program of a cluster that links LibTorch.
#include <algorithm>
#include <thread>

#include "common/config/program.h"
#include "common/model_folder/model_folder.h"
#include "common/process/clock.h"
#include "common/process/log.h"
#include "common/process/wake.h"
#include "worker/runtime/config.h"
#include "worker/runtime/runtime.h"
#include "worker/stages/networks.h"
#include "worker/stages/placement.h"
#include "worker/stages/pose_stage.h"

namespace {

using namespace posefleet;

// What jobs ask for unless they are told otherwise; a job with larger batches takes more later.
constexpr int kUsualBatch = 8;

// Of each network, if all are placed.
int threads_of(const PoseWorkerConfig& config) {
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  if (config.threads == 0) return static_cast<int>(std::max(1u, cores / config.models_per_worker));
  if (config.threads * config.models_per_worker > cores) {
    log_warn("threads: " + std::to_string(config.models_per_worker) + " network(s) with " +
             std::to_string(config.threads) + " threads each on " + std::to_string(cores) +
             " cores get in each other's way");
  }
  return static_cast<int>(config.threads);
}

// Before any of the memory is taken: weights that are mapped come with the first crop.
Placement placement_of(const PoseWorkerConfig& config, const NetworkPlace& place) {
  const Placement placement =
      place_networks({.networks = static_cast<int>(config.models_per_worker),
                      .weight_bytes = place.weight_bytes,
                      .network_bytes = place.network_bytes,
                      .threads = threads_of(config)},
                     place.available);
  if (placement.networks < static_cast<int>(config.models_per_worker)) {
    log_warn(placement.sentence);
  } else {
    log_info(placement.sentence);
  }
  return placement;
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

void log_sources(const SourceCacheStats& stats) {
  if (stats.fetches == 0) return;
  log_info("sources: " + std::to_string(stats.bytes_fetched) + " bytes were fetched in " +
           std::to_string(stats.fetches) + " blocks, " + std::to_string(stats.hits) +
           " were still there");
}

Result<int> serve(const PoseWorkerConfig& config, StopSignal& stop) {
  POSEFLEET_TRY(const std::optional<ClientKeys> keys, check_coordinator(config));
  const Instant started = now();
  POSEFLEET_TRY(const ModelFolder folder, open_model_folder(config.model, HashCheck::Full));
  POSEFLEET_TRY(const NetworkPlace place,
                choose_place(folder, config.device, config.precision, kUsualBatch));
  const Placement placement = placement_of(config, place);
  POSEFLEET_TRY(const ResidentNetwork::Make make, place.load(placement.threads));
  Hello hello = describe_process(Stage::Pose);
  say_limits(config, hello);
  const SharedDetectorFile detector = detector_of(folder, hello);
  std::vector<std::unique_ptr<PoseEngine>> engines;
  SourceCache sources({.bytes_max = config.source_cache_mib << 20});
  std::vector<std::unique_ptr<RangeExecutor>> stages;
  for (int i = 0; i < placement.networks; ++i) {
    POSEFLEET_TRY(std::unique_ptr<PoseEngine> engine,
                  PoseEngine::create(folder, place.precision, make,
                                     {.threads = placement.threads, .detector = detector}));
    for (int range = 0; range < kRangesPerEngine; ++range) {
      stages.push_back(std::make_unique<PoseStage>(*engine, sources));
    }
    engines.push_back(std::move(engine));
  }
  log_info("model " + folder.manifest.name + " is loaded " + std::to_string(placement.networks) +
           " time(s), in " + std::to_string(seconds(now() - started)) + " s");
  hello.model_hash = network_id(folder.model_hash, place.precision);
  hello.models = static_cast<std::uint32_t>(placement.networks);
  hello.device = place.device + ", " + std::to_string(placement.threads) + " thread(s), " +
                 name_of(place.precision);
  // The next range is not kept waiting but begun: see PoseEngine.
  Runtime runtime({.coordinator = config.coordinator, .keys = keys, .hello = hello, .prefetch = 0},
                  std::move(stages), stop);
  const int exit_code = runtime.run();
  log_sources(sources.stats());
  return exit_code;
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

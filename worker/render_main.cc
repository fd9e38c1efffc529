// posefleet-render-worker: drawing and encoding. Small: no LibTorch, no OpenGL.
#include <cstdlib>

#include "common/body/body_model.h"
#include "common/config/program.h"
#include "common/model_folder/model_folder.h"
#include "common/process/log.h"
#include "common/process/wake.h"
#include "worker/runtime/config.h"
#include "worker/runtime/runtime.h"
#include "worker/stages/render_stage.h"

namespace {

using namespace posefleet;

void log_sources(const SourceCacheStats& stats) {
  if (stats.fetches == 0) return;
  log_info("sources: " + std::to_string(stats.bytes_fetched) + " bytes were fetched in " +
           std::to_string(stats.fetches) + " blocks, " + std::to_string(stats.hits) +
           " were still there");
}

Result<int> serve(const RenderWorkerConfig& config, StopSignal& stop) {
  POSEFLEET_TRY(const std::optional<ClientKeys> keys, check_coordinator(config));
  // The network's weights are not needed here, and hashing gigabytes of them would only cost time;
  // the body's own loader checks what it reads.
  POSEFLEET_TRY(const ModelFolder folder, open_model_folder(config.model, HashCheck::SizesOnly));
  POSEFLEET_TRY(std::shared_ptr<const BodyModel> body, BodyModel::load(folder.body_path()));
  SourceCache sources({.bytes_max = config.source_cache_mib << 20});
  std::vector<std::unique_ptr<RangeExecutor>> stages;
  POSEFLEET_TRY(std::unique_ptr<RenderStage> stage, RenderStage::create(folder, body, sources));
  stages.push_back(std::move(stage));
  RuntimeConfig runtime_config;
  runtime_config.coordinator = config.coordinator;
  runtime_config.keys = keys;
  runtime_config.hello = describe_process(Stage::Render);
  say_limits(config, runtime_config.hello);
  runtime_config.hello.model_hash = folder.model_hash;
  runtime_config.hello.device = "cpu, 1 thread";
  Runtime runtime(runtime_config, std::move(stages), stop);
  const int exit_code = runtime.run();
  log_sources(sources.stats());
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  const auto start = start_program(argc, argv, render_worker_fields(),
                                   "draws bodies over frames and encodes the result");
  if (!start.config) return start.exit_code;
  // SVT-AV1 prints a page about itself for each encoder unless the environment says: errors only.
  // Here, since no other thread may be reading it.
  setenv("SVT_LOG", "1", 0);
  StopSignal stop;
  start_log("render-worker", start.config->log_level);
  const auto exit_code = serve(*start.config, stop);
  if (exit_code) return *exit_code;
  log_error(exit_code.error().message);
  return kExitFailed;
}

// posefleet-train-detector: makes the demo model's detector from drawn scenes. Run it again with
// the same --state to go on.
#include <cstdio>

#include <CLI/CLI.hpp>

#include "common/process/log.h"
#include "common/process/wake.h"
#include "training/blas_settings.h"
#include "training/body/free_body.h"
#include "training/detector/run.h"
#include "training/footage/scene_source.h"

namespace posefleet::training::detect {
namespace {

DrawScene scenes_of(const SceneSource& source) {
  return [&source](std::uint64_t seed, std::uint64_t index, int width, int height,
                   std::span<std::uint8_t> rgb) {
    std::vector<DrawnPerson> people;
    for (const ScenePerson& person : source.make(seed, index, width, height, rgb).people) {
      people.push_back({{person.x0, person.y0, person.x1, person.y1}, person.visible});
    }
    return people;
  };
}

Status train(const RunOptions& options) {
  StopSignal stop;  // before any thread is started
  POSEFLEET_TRY(const SceneSource source, SceneSource::create(make_free_body()));
  return run_training(scenes_of(source), options, [&] { return stop.take() != 0; });
}

}  // namespace
}  // namespace posefleet::training::detect

int main(int argc, char** argv) {
  posefleet::training::restart_with_blas_settings(argv);
  using posefleet::training::detect::RunOptions;
  RunOptions options;
  CLI::App app("Trains the demo model's person detector on drawn scenes.");
  app.add_option("--state", options.state, "folder of the run; an existing one goes on")
      ->required();
  app.add_option("--out", options.out, "model folder that gets the detector")->required();
  app.add_option("--minutes", options.minutes, "of learning, all runs together")
      ->capture_default_str();
  app.add_option("--learning-rate", options.rate,
                 "at minute 0; it falls over the minutes, so that a run extended by little begins "
                 "low: ask for more then")
      ->capture_default_str();
  app.add_option("--seed", options.seed, "of weights and pictures")->capture_default_str();
  app.add_option("--threads", options.threads, "above 1, one of them draws")->capture_default_str();
  app.add_option("--side", options.side, "of the letterbox, pixels")->capture_default_str();
  app.add_option("--batch", options.batch, "pictures of a step")->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help ends with 0; everything else is wrong usage, as in the other programs.
    return app.exit(error) == 0 ? 0 : 2;
  }
  posefleet::start_log("posefleet-train-detector", posefleet::LogLevel::Info);
  const posefleet::Status trained = posefleet::training::detect::train(options);
  if (trained) return 0;
  std::fprintf(stderr, "posefleet-train-detector: %s\n", trained.error().message.c_str());
  return 2;
}

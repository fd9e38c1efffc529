// posefleet-train-pose: learns the demo model's pose network from drawn people.
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "common/body/body_data.h"
#include "common/process/wake.h"
#include "training/blas_settings.h"
#include "training/footage/crop_source.h"
#include "training/hmr2/session.h"
#include "worker/model/hmr2.h"

namespace {

using namespace posefleet;
using namespace posefleet::training;

std::filesystem::path body_file(const std::filesystem::path& given) {
  std::error_code error;
  return std::filesystem::is_directory(given, error) ? given / "body.safetensors" : given;
}

Status train(const std::filesystem::path& body_path, SessionOptions options,
             const std::string& precision, StopSignal& signal) {
  POSEFLEET_TRY(const BodyData body, read_body(body_file(body_path)));
  POSEFLEET_TRY(const CropSource source, CropSource::create(body));
  const bool has_bfloat16 = choose_precision("bfloat16").has_value();
  if (precision == "bfloat16" && !has_bfloat16) return choose_precision(precision).error();
  options.products =
      has_bfloat16 && precision != "float32" ? Products::BFloat16 : Products::Float32;
  fmt::print("{} threads, products in {}\n", options.threads,
             options.products == Products::BFloat16 ? "bfloat16" : "float32");
  int signal_number = 0;
  return run_session(
      options, kDemoSizes, body,
      [&](std::uint64_t seed, std::uint64_t index, const Curriculum& curriculum,
          std::span<std::uint8_t> rgb) { return source.make(seed, index, curriculum, rgb); },
      [&] { return signal_number != 0 || (signal_number = signal.take()) != 0; });
}

}  // namespace

int main(int argc, char** argv) {
  restart_with_blas_settings(argv);
  SessionOptions options;
  std::filesystem::path body;
  std::string precision = "auto";
  std::uint64_t seed = 1;
  options.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  // Of all threads together: 32 crops a step, of which 4 are new; so each is seen eight times.
  options.kept_per_thread = 8192;
  int learned = 32, drawn = 4;
  CLI::App app("Trains the small pose network of the demo model on drawn people.");
  app.add_option("--body", body, "the body to draw: body.safetensors, or a folder that holds one")
      ->required();
  app.add_option("--state", options.state_folder,
                 "folder for state, log and curves; a training that lies there is gone on with")
      ->required();
  app.add_option("--out", options.model_folder, "model folder to write")->required();
  app.add_option("--minutes", options.minutes, "of training, in all runs together")
      ->check(CLI::Range(0.05, 100'000.0))
      ->capture_default_str();
  app.add_flag("--extend", options.may_extend, "change the minutes of a training that was begun");
  app.add_option("--threads,--processes", options.threads, "each learns from crops of its own")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--batch", learned, "crops that a step learns from, of all threads together")
      ->check(CLI::Range(2, 4096))
      ->capture_default_str();
  app.add_option("--drawn", drawn,
                 "new crops a step, of all threads together; older ones are used again")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option(
         "--learning-rate", options.schedule.learning_rate,
         "at its highest; it falls to nothing at the end of the minutes. A training that is "
         "extended by little begins low: ask for more then")
      ->check(CLI::Range(1e-7, 1e-1))
      ->capture_default_str();
  auto* seed_option = app.add_option("--seed", seed, "of weights and crops; 1 when left out");
  app.add_option("--precision", precision,
                 "of large products: auto (bfloat16 where the processor has it), float32, bfloat16")
      ->check(CLI::IsMember({"auto", "float32", "bfloat16"}))
      ->capture_default_str();
  app.add_option("--evaluation-crops", options.evaluation_crops, "unseen crops to judge by")
      ->check(CLI::Range(8, 10'000))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help ends with 0; everything else is wrong usage, as in the other programs.
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (seed_option->count() > 0) options.seed = seed;
  options.learned_per_thread = std::max(1, learned / options.threads);
  options.drawn_per_thread = std::max(1, drawn / options.threads);
  options.kept_per_thread = std::max(1, options.kept_per_thread / options.threads);
  // Before any thread is started, which then leave the signals alone.
  StopSignal signal;
  const Status trained = train(body, options, precision, signal);
  if (trained) return 0;
  fmt::print(stderr, "posefleet-train-pose: {}\n", trained.error().message);
  return trained.error().code == ErrorCode::Rejected ? 2 : 1;
}

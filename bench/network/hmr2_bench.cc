// How fast the network is, how near to what the library's matrix products reach on the same
// machine, and what it takes in memory.
//
// A time per crop alone says nothing on another machine. So the same run measures the library's own
// rate (backend.h); the share is the network's rate, all its work over all its time, divided by
// that one. Arithmetic takes the same time whatever the numbers are, so random weights will do.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "bench/best_seconds.h"
#include "bench/network/backend.h"
#include "common/model_folder/network_layout.h"
#include "worker/device/device_network.h"
#include "worker/model/crop.h"

namespace posefleet::bench {
namespace {

constexpr double kGiga = 1e9;
constexpr double kMebi = 1 << 20;

struct Options {
  std::string config = "full";
  std::string device = "cpu";
  std::vector<int> batch_sizes = {1, 2, 4, 8, 16, 32, 64};
  std::vector<int> threads = {1, 2};
  std::vector<int> instances = {1};
  std::vector<std::string> precisions = {"auto"};
  int repeats = 3;
  bool json = false;
};

// One line of the table.
struct Row {
  Precision precision = Precision::Float32;
  int instances = 1;
  int threads = 1;  // of all instances together
  int batch_size = 1;
  double crops_per_second = 0;  // of all instances together
  double rate = 0;              // operations per second
  double product_rate = 0;      // of the library, on as many threads
  std::uint64_t memory_bytes = 0;
};

// The folder's sizes; builds of the model alone read no folders.
Result<Subject> subject_of(const std::string& config) {
  if (config == "tiny") return Subject{{64, 3, 4, 256, 96, 2, 4, 16, 128}, {}};
  if (config == "demo") return Subject{{192, 6, 3, 768, 256, 3, 4, 64, 256}, {}};
  if (config == "full") return Subject{};
#ifdef POSEFLEET_ONLY_MODEL
  return rejected("--config is " + config + ", expected tiny, demo or full in this build");
#else
  POSEFLEET_TRY(ModelFolder folder, open_model_folder(config, HashCheck::SizesOnly));
  return Subject{folder.manifest.network, std::move(folder)};
#endif
}

using Networks = std::vector<std::unique_ptr<PoseModel>>;

// Every network runs one batch, all at the same time.
Status run_side_by_side(const Networks& networks, std::span<const float> crops) {
  std::vector<Status> ended(networks.size(), done());
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < networks.size(); ++i) {
      threads.emplace_back([&, i] {
        if (auto out = networks[i]->run(crops, networks[i]->batch_size()); !out) {
          ended[i] = std::move(out).error();
        }
      });
    }
    if (auto out = networks[0]->run(crops, networks[0]->batch_size()); !out) {
      ended[0] = std::move(out).error();
    }
  }
  for (Status& status : ended) POSEFLEET_TRY_DO(std::move(status));
  return done();
}

Result<Row> measure(Backend& backend, const NetworkSizes& sizes, int repeats, Row row) {
  Networks networks;
  for (int i = 0; i < row.instances; ++i) {
    POSEFLEET_TRY(std::unique_ptr<PoseModel> network,
                  backend.instance(row.threads / row.instances, row.batch_size));
    networks.push_back(std::move(network));
  }
  std::vector<float> crops(static_cast<std::size_t>(row.batch_size) * kCropFloats);
  for (std::size_t i = 0; i < crops.size(); ++i) crops[i] = static_cast<float>(i % 511) / 255 - 1;
  // Once unmeasured: pages of the weights and of the activations are touched here.
  POSEFLEET_TRY_DO(run_side_by_side(networks, crops));
  const double seconds = best_seconds(repeats, [&] { (void)run_side_by_side(networks, crops); });
  row.memory_bytes = backend.memory();
  row.crops_per_second = row.instances * row.batch_size / seconds;
  row.rate = row.crops_per_second * operations_per_crop(sizes);
  networks.clear();
  POSEFLEET_TRY(row.product_rate, backend.product_rate(row.threads, row.batch_size));
  return row;
}

void print(const Row& row, bool json) {
  const double share = row.rate / row.product_rate;
  if (json) {
    fmt::print(
        "{{\"precision\":\"{}\",\"instances\":{},\"threads\":{},\"batch_size\":{},"
        "\"crops_per_second\":{:.4f},\"gflop_per_second\":{:.2f},"
        "\"product_gflop_per_second\":{:.2f},\"share\":{:.4f},\"memory_bytes\":{}}}\n",
        name_of(row.precision), row.instances, row.threads, row.batch_size, row.crops_per_second,
        row.rate / kGiga, row.product_rate / kGiga, share, row.memory_bytes);
  } else {
    fmt::print("{:>9} {:>9} {:>7} {:>6} {:>9.2f} {:>9.1f} {:>9.1f} {:>9.1f} {:>7.1f} {:>8.0f}\n",
               name_of(row.precision), row.instances, row.threads, row.batch_size,
               row.crops_per_second, 1e3 / row.crops_per_second, row.rate / kGiga,
               row.product_rate / kGiga, 100 * share,
               static_cast<double>(row.memory_bytes) / kMebi);
  }
  std::fflush(stdout);
}

// "torch-cpu" is the network for devices on the processor: to be compared, nobody's choice.
Result<std::unique_ptr<Backend>> backend_of(const Options& options, const Subject& subject,
                                            const std::string& precision, Row& row) {
  if (options.device == "cpu") {
    POSEFLEET_TRY(row.precision, processor_precision(precision));
    return processor_backend(subject, row.precision);
  }
  POSEFLEET_TRY(const std::string device,
                choose_device(options.device == "torch-cpu" ? "cpu" : options.device));
  POSEFLEET_TRY(row.precision, choose_device_precision(precision));
  return device_backend(subject, device, row.precision);
}

Status run_precision(const Options& options, const Subject& subject, const std::string& name) {
  Row wanted;
  POSEFLEET_TRY(const std::unique_ptr<Backend> backend, backend_of(options, subject, name, wanted));
  POSEFLEET_TRY(const std::unique_ptr<PoseModel> sample, backend->instance(1, 1));
  fmt::print(stderr, "{}; {:.2f} GFLOP a crop\n", sample->description(),
             operations_per_crop(subject.sizes) / kGiga);
  for (wanted.instances = 1; wanted.instances <= 16; ++wanted.instances) {
    const auto& counts = options.instances;
    if (std::find(counts.begin(), counts.end(), wanted.instances) == counts.end()) continue;
    for (const int threads : options.threads) {
      if (threads % wanted.instances != 0) continue;
      wanted.threads = threads;
      for (const int batch_size : options.batch_sizes) {
        wanted.batch_size = batch_size;
        POSEFLEET_TRY(const Row row, measure(*backend, subject.sizes, options.repeats, wanted));
        print(row, options.json);
      }
    }
  }
  return done();
}

Status run_all(const Options& options) {
  POSEFLEET_TRY(const Subject subject, subject_of(options.config));
  if (!options.json) {
    fmt::print("{:>9} {:>9} {:>7} {:>6} {:>9} {:>9} {:>9} {:>9} {:>7} {:>8}\n", "precision",
               "instances", "threads", "batch", "crops/s", "ms/crop", "GFLOP/s", "products",
               "share %", "MiB");
  }
  for (const std::string& name : options.precisions) {
    POSEFLEET_TRY_DO(run_precision(options, subject, name));
  }
  return done();
}

}  // namespace

std::vector<ProductSizes> block_products(const NetworkSizes& sizes, int batch_size) {
  const std::int64_t width = sizes.backbone_width;
  const std::int64_t rows = kTokenCount * batch_size;
  return {{rows, 3 * width, width},
          {rows, width, width},
          {rows, sizes.backbone_mlp, width},
          {rows, width, sizes.backbone_mlp}};
}

}  // namespace posefleet::bench

int main(int argc, char** argv) {
  posefleet::bench::Options options;
  CLI::App app("Measures the pose network beside the library's own matrix products.");
  app.add_option("--config", options.config,
                 "tiny, demo or full (random weights), or a model folder")
      ->capture_default_str();
  app.add_option("--device", options.device, "cpu, cuda, cuda:N or torch-cpu")
      ->capture_default_str();
  app.add_option("--batch", options.batch_sizes, "batch sizes")
      ->delimiter(',')
      ->check(CLI::Range(1, 256));
  app.add_option("--threads", options.threads,
                 "thread counts, of all instances together; those that the instances do not divide "
                 "are left out")
      ->delimiter(',')
      ->check(CLI::Range(1, 256));
  app.add_option("--instances", options.instances, "networks that run side by side")
      ->delimiter(',')
      ->check(CLI::Range(1, 16));
  app.add_option("--precision", options.precisions, "auto, float32, bfloat16, float16")
      ->delimiter(',');
  app.add_option("--repeats", options.repeats, "runs, of which the fastest counts")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("--json", options.json, "one JSON object a line");
  CLI11_PARSE(app, argc, argv);
  if (auto status = posefleet::bench::run_all(options); !status) {
    fmt::print(stderr, "hmr2_bench: {}\n", status.error().message);
    return 1;
  }
  return 0;
}

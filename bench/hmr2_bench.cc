// How fast the network is, how near to what oneDNN's matrix products reach on this machine, and
// what it takes in memory.
//
// A time per crop alone says nothing on another machine. So the same run measures oneDNN's own rate
// (product_rate.h); the share is the network's rate, all its work over all its time, divided by
// that one. Weights are random: arithmetic takes the same time whatever the numbers are.
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "bench/best_seconds.h"
#include "bench/memory_use.h"
#include "bench/product_rate.h"
#include "common/model_folder/network_layout.h"
#include "worker/model/crop.h"
#include "worker/model/hmr2.h"

namespace posefleet::bench {
namespace {

constexpr double kGiga = 1e9;
constexpr double kMebi = 1 << 20;

struct Options {
  std::string size = "full";
  std::vector<int> batch_sizes = {1, 2, 4, 8, 16, 32, 64};
  std::vector<int> threads = {1, 2};
  std::vector<int> instances = {1};
  std::vector<std::string> precisions = {"float32"};
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
  double product_rate = 0;      // of oneDNN, on as many threads
  std::uint64_t resident_bytes = 0;
};

Result<NetworkSizes> sizes_of(const std::string& name) {
  if (name == "tiny") return NetworkSizes{64, 3, 4, 256, 96, 2, 4, 16, 128};
  if (name == "demo") return NetworkSizes{192, 6, 3, 768, 256, 3, 4, 64, 256};
  if (name == "full") return NetworkSizes{};
  return rejected("--size is " + name + ", expected tiny, demo or full");
}

using Networks = std::vector<std::unique_ptr<Hmr2>>;

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

Result<Row> measure(const SharedWeights& weights, const NetworkSizes& sizes, int repeats, Row row) {
  Networks networks;
  const Hmr2Options options = {.threads = row.threads / row.instances,
                               .batch_size = row.batch_size};
  for (int i = 0; i < row.instances; ++i) {
    POSEFLEET_TRY(std::unique_ptr<Hmr2> network, Hmr2::create(weights, options));
    networks.push_back(std::move(network));
  }
  std::vector<float> crops(static_cast<std::size_t>(row.batch_size) * kCropFloats);
  for (std::size_t i = 0; i < crops.size(); ++i) crops[i] = static_cast<float>(i % 511) / 255 - 1;
  // Once unmeasured: pages of the weights and of the activations are touched here.
  POSEFLEET_TRY_DO(run_side_by_side(networks, crops));
  const double seconds = best_seconds(repeats, [&] { (void)run_side_by_side(networks, crops); });
  row.resident_bytes = memory_use("VmRSS");
  row.crops_per_second = row.instances * row.batch_size / seconds;
  row.rate = row.crops_per_second * operations_per_crop(sizes);
  networks.clear();
  row.product_rate = product_rate(sizes, row.precision, row.threads, row.batch_size);
  return row;
}

void print(const Row& row, bool json) {
  const double share = row.rate / row.product_rate;
  if (json) {
    fmt::print(
        "{{\"precision\":\"{}\",\"instances\":{},\"threads\":{},\"batch_size\":{},"
        "\"crops_per_second\":{:.4f},\"gflop_per_second\":{:.2f},"
        "\"onednn_gflop_per_second\":{:.2f},\"share\":{:.4f},\"resident_bytes\":{}}}\n",
        name_of(row.precision), row.instances, row.threads, row.batch_size, row.crops_per_second,
        row.rate / kGiga, row.product_rate / kGiga, share, row.resident_bytes);
  } else {
    fmt::print("{:>9} {:>9} {:>7} {:>6} {:>9.2f} {:>9.1f} {:>9.1f} {:>9.1f} {:>7.1f} {:>8.0f}\n",
               name_of(row.precision), row.instances, row.threads, row.batch_size,
               row.crops_per_second, 1e3 / row.crops_per_second, row.rate / kGiga,
               row.product_rate / kGiga, 100 * share,
               static_cast<double>(row.resident_bytes) / kMebi);
  }
  std::fflush(stdout);
}

Status run_precision(const Options& options, const NetworkSizes& sizes, Precision precision) {
  constexpr std::uint64_t kSeed = 1;
  POSEFLEET_TRY(const SharedWeights weights, random_weights(sizes, kSeed, precision));
  POSEFLEET_TRY(const std::unique_ptr<Hmr2> sample, Hmr2::create(weights, {.batch_size = 1}));
  fmt::print(stderr, "{}; {:.2f} GFLOP a crop\n", sample->description(),
             operations_per_crop(sizes) / kGiga);
  for (const int instances : options.instances) {
    for (const int threads : options.threads) {
      if (threads % instances != 0) continue;
      for (const int batch_size : options.batch_sizes) {
        const Row wanted = {.precision = precision,
                            .instances = instances,
                            .threads = threads,
                            .batch_size = batch_size};
        POSEFLEET_TRY(const Row row, measure(weights, sizes, options.repeats, wanted));
        print(row, options.json);
      }
    }
  }
  return done();
}

Status run_all(const Options& options) {
  POSEFLEET_TRY(const NetworkSizes sizes, sizes_of(options.size));
  if (!options.json) {
    fmt::print("{:>9} {:>9} {:>7} {:>6} {:>9} {:>9} {:>9} {:>9} {:>7} {:>8}\n", "precision",
               "instances", "threads", "batch", "crops/s", "ms/crop", "GFLOP/s", "oneDNN",
               "share %", "MiB");
  }
  for (const std::string& name : options.precisions) {
    POSEFLEET_TRY(const Precision precision, choose_precision(name));
    POSEFLEET_TRY_DO(run_precision(options, sizes, precision));
  }
  return done();
}

}  // namespace
}  // namespace posefleet::bench

int main(int argc, char** argv) {
  posefleet::bench::Options options;
  CLI::App app("Measures the pose network beside oneDNN's matrix products.");
  app.add_option("--size", options.size, "tiny, demo or full")->capture_default_str();
  app.add_option("--batch", options.batch_sizes, "batch sizes")->delimiter(',');
  app.add_option("--threads", options.threads,
                 "thread counts, of all instances together; those that the instances do not divide "
                 "are left out")
      ->delimiter(',');
  app.add_option("--instances", options.instances, "networks that run side by side")
      ->delimiter(',')
      ->check(CLI::Range(1, 16));
  app.add_option("--precision", options.precisions, "float32, bfloat16")->delimiter(',');
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

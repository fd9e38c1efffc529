// How fast the network is, and how near to what oneDNN's matrix products reach on this machine.
//
// A time per crop alone says nothing on another machine. So the same run measures oneDNN's own rate
// for the products that make up the network: the whole batch as one product, weights packed and in
// the cache, which is more favourable than a network can have it. The share is the network's rate
// (all its work over all its time) divided by that one.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <ATen/Parallel.h>
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <oneapi/dnnl/dnnl.hpp>

#include "common/model_folder/model_folder.h"
#include "worker/model/crop.h"
#include "worker/model/hmr2.h"

namespace posefleet {
namespace {

constexpr std::int64_t kTokens = 192;
constexpr double kGiga = 1e9;

struct Options {
  std::string config = "tiny";
  std::vector<int> batch_sizes = {1, 4, 8};
  std::vector<int> threads = {1, 2};
  int repeats = 3;
  bool json = false;
};

struct Row {
  int threads, batch_size;
  double seconds_per_crop;
  double rate;            // operations per second
  double reference_rate;  // oneDNN's
};

// The shortest of some runs: the others were disturbed by something that is not the network.
template <typename Run>
double best_seconds(int repeats, const Run& run) {
  double best = 1e30;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
  }
  return best;
}

// Seconds for (rows, in) x (in, out), the weights packed as oneDNN likes them best.
double product_seconds(std::int64_t rows, std::int64_t out, std::int64_t in, int repeats) {
  using dnnl::memory;
  using Tag = memory::format_tag;
  constexpr auto kType = memory::data_type::f32;
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const dnnl::matmul::primitive_desc description(
      dnnl::matmul::desc({{rows, in}, kType, Tag::ab}, {{in, out}, kType, Tag::any},
                         {{rows, out}, kType, Tag::ab}),
      engine);
  const dnnl::matmul product(description);
  std::vector<float> x(static_cast<std::size_t>(rows * in), 0.5f);
  std::vector<float> y(static_cast<std::size_t>(rows * out));
  std::vector<float> w(description.weights_desc().get_size() / sizeof(float), 0.25f);
  dnnl::stream stream(engine);
  const std::unordered_map<int, memory> arguments = {
      {DNNL_ARG_SRC, {description.src_desc(), engine, x.data()}},
      {DNNL_ARG_WEIGHTS, {description.weights_desc(), engine, w.data()}},
      {DNNL_ARG_DST, {description.dst_desc(), engine, y.data()}}};
  const auto run = [&] {
    product.execute(stream, arguments);
    stream.wait();
  };
  run();
  return best_seconds(repeats, run);
}

// Operations per second over the four products of a block, in the proportion a block has them.
double reference_rate(const NetworkSizes& sizes, int threads, int batch_size) {
  at::set_num_threads(threads);
  const std::int64_t width = sizes.backbone_width;
  const std::vector<std::pair<std::int64_t, std::int64_t>> shapes = {
      {3 * width, width}, {width, width}, {sizes.backbone_mlp, width}, {width, sizes.backbone_mlp}};
  const std::int64_t rows = kTokens * batch_size;
  double operations = 0;
  double seconds = 0;
  for (const auto& [out, in] : shapes) {
    operations += 2.0 * static_cast<double>(rows) * static_cast<double>(out * in);
    seconds += product_seconds(rows, out, in, 10);
  }
  return operations / seconds;
}

Result<Row> measure(const SharedWeights& weights, const NetworkSizes& sizes, int repeats,
                    const Hmr2Options& options) {
  POSEFLEET_TRY(const std::unique_ptr<Hmr2> model, Hmr2::create(weights, options));
  const int count = options.batch_size;
  std::vector<float> crops(static_cast<std::size_t>(count) * kCropFloats);
  for (std::size_t i = 0; i < crops.size(); ++i) crops[i] = static_cast<float>(i % 511) / 255 - 1;
  // Once unmeasured: pages of the weights and of the activations are touched here.
  POSEFLEET_TRY_DO(model->run(crops, count));
  const double seconds = best_seconds(repeats, [&] { (void)model->run(crops, count); });
  Row row{.threads = options.threads, .batch_size = count};
  row.seconds_per_crop = seconds / count;
  row.rate = operations_per_crop(sizes) / row.seconds_per_crop;
  row.reference_rate = reference_rate(sizes, options.threads, count);
  return row;
}

struct Subject {
  NetworkSizes sizes;
  SharedWeights weights;
};

// A size by name with random weights, or a model folder with its own.
Result<Subject> subject_of(const std::string& config) {
  constexpr std::uint64_t kSeed = 1;
  Subject subject;
  if (config == "tiny") {
    subject.sizes = {64, 3, 4, 256, 96, 2, 4, 16, 128};
  } else if (config == "demo") {
    subject.sizes = {192, 6, 3, 768, 256, 3, 4, 64, 256};
  } else if (config != "full") {
    POSEFLEET_TRY(const ModelFolder folder, open_model_folder(config, HashCheck::SizesOnly));
    subject.sizes = folder.manifest.network;
    POSEFLEET_TRY(subject.weights, load_weights(folder));
    return subject;
  }
  POSEFLEET_TRY(subject.weights, random_weights(subject.sizes, kSeed));
  return subject;
}

void print(const Row& row, bool json) {
  const double share = row.rate / row.reference_rate;
  if (json) {
    fmt::print(
        "{{\"threads\":{},\"batch_size\":{},\"crops_per_second\":{:.4f},\"ms_per_crop\":{:.3f},"
        "\"gflop_per_second\":{:.2f},\"onednn_gflop_per_second\":{:.2f},\"share\":{:.4f}}}\n",
        row.threads, row.batch_size, 1 / row.seconds_per_crop, 1e3 * row.seconds_per_crop,
        row.rate / kGiga, row.reference_rate / kGiga, share);
  } else {
    fmt::print("{:>7} {:>6} {:>9.2f} {:>9.2f} {:>9.1f} {:>9.1f} {:>7.1f}\n", row.threads,
               row.batch_size, 1 / row.seconds_per_crop, 1e3 * row.seconds_per_crop,
               row.rate / kGiga, row.reference_rate / kGiga, 100 * share);
  }
  std::fflush(stdout);
}

Status run_all(const Options& options) {
  POSEFLEET_TRY(const Subject subject, subject_of(options.config));
  fmt::print(stderr, "{}: {:.2f} GFLOP per crop\n", options.config,
             operations_per_crop(subject.sizes) / kGiga);
  if (!options.json) {
    fmt::print("{:>7} {:>6} {:>9} {:>9} {:>9} {:>9} {:>7}\n", "threads", "batch", "crops/s",
               "ms/crop", "GFLOP/s", "oneDNN", "share %");
  }
  for (const int threads : options.threads) {
    for (const int batch_size : options.batch_sizes) {
      POSEFLEET_TRY(const Row row, measure(subject.weights, subject.sizes, options.repeats,
                                           {.threads = threads, .batch_size = batch_size}));
      print(row, options.json);
    }
  }
  return done();
}

}  // namespace
}  // namespace posefleet

int main(int argc, char** argv) {
  posefleet::Options options;
  CLI::App app("Measures the pose network beside oneDNN's matrix products.");
  app.add_option("--config", options.config, "tiny, demo, full (random weights) or a model folder");
  app.add_option("--batch", options.batch_sizes, "batch sizes")->delimiter(',');
  app.add_option("--threads", options.threads, "thread counts")->delimiter(',');
  app.add_option("--repeats", options.repeats, "runs, of which the fastest counts")
      ->check(CLI::PositiveNumber);
  app.add_flag("--json", options.json, "one JSON object a line");
  CLI11_PARSE(app, argc, argv);
  if (auto status = posefleet::run_all(options); !status) {
    fmt::print(stderr, "hmr2_bench: {}\n", status.error().message);
    return 1;
  }
  return 0;
}

#include <unordered_map>
#include <utility>

#include <omp.h>
#include <oneapi/dnnl/dnnl.hpp>

#include "bench/best_seconds.h"
#include "bench/memory_use.h"
#include "bench/network/backend.h"
#include "worker/model/hmr2.h"

namespace posefleet::bench {
namespace {

// Each product is run that often; the fastest counts.
constexpr int kRepeats = 10;
constexpr std::uint64_t kSeed = 1;

// Seconds for (rows, in) x (in, out). The whole batch is one product, its weights packed as oneDNN
// likes them best and in the cache: more favourable than a network can have it.
double product_seconds(const ProductSizes& sizes, Precision precision) {
  using dnnl::memory;
  using Tag = memory::format_tag;
  const auto type =
      precision == Precision::BFloat16 ? memory::data_type::bf16 : memory::data_type::f32;
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const dnnl::matmul::primitive_desc description(
      dnnl::matmul::desc({{sizes.rows, sizes.in}, type, Tag::ab},
                         {{sizes.in, sizes.out}, type, Tag::any},
                         {{sizes.rows, sizes.out}, memory::data_type::f32, Tag::ab}),
      engine);
  const dnnl::matmul product(description);
  // Zeros are as fast as other numbers, and zero in both types.
  std::vector<std::byte> x(description.src_desc().get_size());
  std::vector<std::byte> y(description.dst_desc().get_size());
  std::vector<std::byte> w(description.weights_desc().get_size());
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
  return best_seconds(kRepeats, run);
}

class ProcessorBackend final : public Backend {
 public:
  ProcessorBackend(SharedWeights weights, const NetworkSizes& sizes)
      : weights_(std::move(weights)), sizes_(sizes) {}

  Result<std::unique_ptr<PoseModel>> instance(int threads, int batch_size) override {
    POSEFLEET_TRY(std::unique_ptr<Hmr2> network,
                  Hmr2::create(weights_, {.threads = threads, .batch_size = batch_size}));
    return std::unique_ptr<PoseModel>(std::move(network));
  }

  Result<double> product_rate(int threads, int batch_size) override {
    omp_set_num_threads(threads);
    double operations = 0;
    double seconds = 0;
    for (const ProductSizes& sizes : block_products(sizes_, batch_size)) {
      operations += 2.0 * static_cast<double>(sizes.rows) * static_cast<double>(sizes.out) *
                    static_cast<double>(sizes.in);
      seconds += product_seconds(sizes, precision_of(*weights_));
    }
    return operations / seconds;
  }

  std::uint64_t memory() override { return memory_use("VmRSS"); }

 private:
  SharedWeights weights_;
  NetworkSizes sizes_;
};

}  // namespace

Result<Precision> processor_precision(const std::string& name) {
  return choose_precision(name);
}

Result<std::unique_ptr<Backend>> processor_backend(const Subject& subject, Precision precision) {
  POSEFLEET_TRY(SharedWeights weights, subject.folder
                                           ? load_weights(*subject.folder, precision)
                                           : random_weights(subject.sizes, kSeed, precision));
  return std::unique_ptr<Backend>(
      std::make_unique<ProcessorBackend>(std::move(weights), subject.sizes));
}

}  // namespace posefleet::bench

#include "bench/product_rate.h"

#include <unordered_map>
#include <utility>
#include <vector>

#include <omp.h>
#include <oneapi/dnnl/dnnl.hpp>

#include "bench/best_seconds.h"
#include "common/model_folder/network_layout.h"

namespace posefleet::bench {
namespace {

// Each product is run that often; the fastest counts.
constexpr int kRepeats = 10;

// Seconds for (rows, in) x (in, out).
double product_seconds(std::int64_t rows, std::int64_t out, std::int64_t in, Precision precision) {
  using dnnl::memory;
  using Tag = memory::format_tag;
  const auto type =
      precision == Precision::BFloat16 ? memory::data_type::bf16 : memory::data_type::f32;
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const dnnl::matmul::primitive_desc description(
      dnnl::matmul::desc({{rows, in}, type, Tag::ab}, {{in, out}, type, Tag::any},
                         {{rows, out}, memory::data_type::f32, Tag::ab}),
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

}  // namespace

double product_rate(const NetworkSizes& sizes, Precision precision, int threads, int batch_size) {
  omp_set_num_threads(threads);
  const std::int64_t width = sizes.backbone_width;
  const std::vector<std::pair<std::int64_t, std::int64_t>> shapes = {
      {3 * width, width}, {width, width}, {sizes.backbone_mlp, width}, {width, sizes.backbone_mlp}};
  const std::int64_t rows = kTokenCount * batch_size;
  double operations = 0;
  double seconds = 0;
  for (const auto& [out, in] : shapes) {
    operations += 2.0 * static_cast<double>(rows) * static_cast<double>(out * in);
    seconds += product_seconds(rows, out, in, precision);
  }
  return operations / seconds;
}

}  // namespace posefleet::bench

#include <exception>
#include <utility>

#include <ATen/ATen.h>

#include "bench/best_seconds.h"
#include "bench/memory_use.h"
#include "bench/network/backend.h"
#include "worker/device/device_network.h"

namespace posefleet::bench {
namespace {

// A measurement is so many products in a row: the device is told ahead of time, as a network does.
constexpr int kProducts = 20;
constexpr int kRepeats = 5;
constexpr std::uint64_t kSeed = 1;

at::ScalarType type_of(Precision precision) {
  switch (precision) {
    case Precision::BFloat16:
      return at::kBFloat16;
    case Precision::Float16:
      return at::kHalf;
    case Precision::Float32:
      break;
  }
  return at::kFloat;
}

double product_seconds(const ProductSizes& sizes, const at::TensorOptions& options) {
  const at::Tensor x = at::randn({sizes.rows, sizes.in}, options);
  const at::Tensor w = at::randn({sizes.in, sizes.out}, options);
  at::Tensor y = at::empty({sizes.rows, sizes.out}, options);
  const auto run = [&] {
    for (int i = 0; i < kProducts; ++i) at::mm_out(y, x, w);
    // Reading a number waits for all of it.
    (void)y[0][0].item<float>();
  };
  run();
  return best_seconds(kRepeats, run) / kProducts;
}

class DeviceBackend final : public Backend {
 public:
  DeviceBackend(SharedDeviceWeights weights, const NetworkSizes& sizes, std::string device,
                Precision precision)
      : weights_(std::move(weights)),
        sizes_(sizes),
        device_(std::move(device)),
        precision_(precision) {}

  Result<std::unique_ptr<PoseModel>> instance(int /*threads*/, int batch_size) override {
    POSEFLEET_TRY(std::unique_ptr<DeviceNetwork> network,
                  DeviceNetwork::create(weights_, batch_size));
    return std::unique_ptr<PoseModel>(std::move(network));
  }

  Result<double> product_rate(int /*threads*/, int batch_size) override {
    try {
      const at::InferenceMode inference;
      const auto options = at::TensorOptions().dtype(type_of(precision_)).device(device_);
      double operations = 0;
      double seconds = 0;
      for (const ProductSizes& sizes : block_products(sizes_, batch_size)) {
        operations += 2.0 * static_cast<double>(sizes.rows) * static_cast<double>(sizes.out) *
                      static_cast<double>(sizes.in);
        seconds += product_seconds(sizes, options);
      }
      return operations / seconds;
    } catch (const std::exception& error) {
      return internal_error(std::string("matrix products on ") + device_ + ": " + error.what());
    }
  }

  std::uint64_t memory() override {
    const auto free = free_device_memory(device_);
    if (!free) return memory_use("VmRSS");
    return free_at_start_ > *free ? free_at_start_ - *free : 0;
  }
  void count_from(std::uint64_t free_at_start) { free_at_start_ = free_at_start; }

 private:
  SharedDeviceWeights weights_;
  NetworkSizes sizes_;
  std::string device_;
  Precision precision_;
  std::uint64_t free_at_start_ = 0;
};

}  // namespace

Result<std::unique_ptr<Backend>> device_backend(const Subject& subject, const std::string& device,
                                                Precision precision) {
  const std::uint64_t free_at_start = free_device_memory(device).value_or(0);
  POSEFLEET_TRY(SharedDeviceWeights weights,
                subject.folder ? load_device_weights(*subject.folder, device, precision)
                               : random_device_weights(subject.sizes, kSeed, device, precision));
  auto backend =
      std::make_unique<DeviceBackend>(std::move(weights), subject.sizes, device, precision);
  backend->count_from(free_at_start);
  return std::unique_ptr<Backend>(std::move(backend));
}

}  // namespace posefleet::bench

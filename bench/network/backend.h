// A kind of network that hmr2_bench measures: on the processor (oneDNN) or on a device (LibTorch).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/model_folder/model_folder.h"
#include "common/protocol/precision.h"
#include "worker/model/model.h"

namespace posefleet::bench {

// Sizes, and the folder with the weights; without one they are random.
struct Subject {
  NetworkSizes sizes;
  std::optional<ModelFolder> folder;
};

// One precision of one subject. Instances share its weights.
class Backend {
 public:
  virtual ~Backend() = default;

  virtual Result<std::unique_ptr<PoseModel>> instance(int threads, int batch_size) = 0;
  // Operations per second of plain matrix products, over the four products of a block in the
  // proportion a block has them: the library's own rate for these shapes.
  virtual Result<double> product_rate(int threads, int batch_size) = 0;
  // Bytes taken now: of the device, or resident.
  virtual std::uint64_t memory() = 0;
};

// `precision` as configurations spell it; the error says what the machine or the build lacks.
Result<Precision> processor_precision(const std::string& name);
Result<std::unique_ptr<Backend>> processor_backend(const Subject& subject, Precision precision);
Result<std::unique_ptr<Backend>> device_backend(const Subject& subject, const std::string& device,
                                                Precision precision);

// The rows, outputs and inputs of a block's four products.
struct ProductSizes {
  std::int64_t rows, out, in;
};
std::vector<ProductSizes> block_products(const NetworkSizes& sizes, int batch_size);

}  // namespace posefleet::bench

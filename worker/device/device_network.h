// The same network as worker/model's Hmr2, on LibTorch's tensors: for devices that LibTorch knows,
// which means CUDA. On a processor Hmr2 is several times faster; there this one serves to be tested
// against it.
//
// A batch always has its full size, padded with empty crops, so that every crop meets the same
// kernels in the same order whatever else is in its batch. Between two kinds of devices the last
// digits differ: the workers of one job must have the same kind.
//
// LibTorch and CUDA stay behind this header. Nothing here throws.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/model_folder/model_folder.h"
#include "common/protocol/precision.h"
#include "worker/model/model.h"

namespace posefleet {

class DeviceWeights;  // device_weights.h

// What a configuration's `device` means here: auto, cpu, cuda or cuda:N. Auto is the first CUDA
// device if there is one, else "cpu". The error says what is missing: the device, or a build for
// it.
Result<std::string> choose_device(std::string_view name);
inline bool is_cuda(std::string_view device) {
  return device.starts_with("cuda");
}

// What `precision` means on a CUDA device: auto is bfloat16.
Result<Precision> choose_device_precision(std::string_view name);

// Bytes free on a CUDA device; nothing for "cpu".
std::optional<std::uint64_t> free_device_memory(const std::string& device);
// What an instance takes there besides the weights, about.
std::uint64_t device_instance_bytes(const NetworkSizes& sizes, int batch_size);

// On one device; shared by all instances on it.
using SharedDeviceWeights = std::shared_ptr<const DeviceWeights>;

// Copies the folder's weights to the device. The error names file, tensor, expected and found
// shape. `device` as choose_device returned it, here and below.
Result<SharedDeviceWeights> load_device_weights(const ModelFolder& folder,
                                                const std::string& device, Precision precision);
// Weights of the right sizes that mean nothing: for benchmarks.
Result<SharedDeviceWeights> random_device_weights(const NetworkSizes& sizes, std::uint64_t seed,
                                                  const std::string& device, Precision precision);

// One owner, one thread at a time.
class DeviceNetwork final : public PoseModel {
 public:
  // Takes memory for one batch, and runs it a few times. `batch_size` 1 to 256.
  static Result<std::unique_ptr<DeviceNetwork>> create(SharedDeviceWeights weights, int batch_size);
  ~DeviceNetwork() override;
  DeviceNetwork(const DeviceNetwork&) = delete;
  DeviceNetwork& operator=(const DeviceNetwork&) = delete;

  int batch_size() const override;
  // E.g. "hmr2 1280x32, bfloat16, NVIDIA H200, LibTorch 2.4.0, batch 64".
  std::string description() const override;
  // A step is a whole batch: it takes some ten milliseconds.
  Result<std::vector<NetworkOutput>> run(std::span<const float> crops, int count,
                                         const OnStep& on_step = {}) override;

 private:
  class Impl;
  explicit DeviceNetwork(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace posefleet

#include "worker/device/device_network.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

#include <fmt/format.h>
#include <torch/version.h>

#include "common/base/check.h"
#include "common/model_folder/network_layout.h"
#include "common/model_folder/safetensors.h"
#include "worker/device/device_weights.h"
#include "worker/device/forward.h"
#include "worker/device/stage.h"
#include "worker/model/crop.h"
#include "worker/model/rotations.h"

namespace posefleet {
namespace {

constexpr int kBatchMax = 256;
constexpr std::int64_t kOutputs = kPose6dCount + kShapeCount + kCameraCount;

// LibTorch's kind of error for memory has changed its name over the versions; its words have not.
Error error_of(std::string_view what, const std::exception& error) {
  const std::string_view reason = error.what();
  const std::string_view first_line = reason.substr(0, reason.find('\n'));
  if (reason.find("out of memory") != reason.npos || reason.find("bad_alloc") != reason.npos) {
    return overloaded(fmt::format("{}: no device memory is left", what));
  }
  return internal_error(fmt::format("{}: {}", what, first_line));
}

// Whatever LibTorch throws becomes an error that says what could not be done.
template <typename Make>
auto guarded(std::string_view what, const Make& make) -> decltype(make()) {
  try {
    const at::InferenceMode inference;
    return make();
  } catch (const std::exception& error) {
    return error_of(what, error);
  }
}

// Rounding float32 products to TensorFloat-32 would be another precision than the one asked for.
void keep_float32_exact() {
  at::globalContext().setAllowTF32CuBLAS(false);
  at::globalContext().setAllowTF32CuDNN(false);
}

NetworkOutput output_of(const float* numbers) {
  NetworkOutput output;
  output.global_orient = rotation_from_6d(std::span<const float, 6>(numbers, 6));
  const float* six = numbers;
  for (Rotation& joint : output.body_pose) {
    six += 6;
    joint = rotation_from_6d(std::span<const float, 6>(six, 6));
  }
  std::copy_n(numbers + kPose6dCount, kShapeCount, output.betas.begin());
  std::copy_n(numbers + kPose6dCount + kShapeCount, kCameraCount, output.pred_cam.begin());
  return output;
}

// Spread such that activations keep their size through the layers.
at::Tensor noise(const std::string& name, const Shape& shape) {
  const bool is_bias = name.ends_with(".bias");
  if (name.find("norm") != std::string::npos && !is_bias) return at::ones(shape);
  if (shape.size() < 2) return at::randn(shape) * 0.02;
  const auto fan_in = static_cast<double>(element_count(shape) / shape[0]);
  return at::randn(shape) / std::sqrt(fan_in);
}

}  // namespace

Result<std::string> choose_device(std::string_view name) {
  const int count = cuda_device_count();
  if (name == "cpu") return std::string(name);
  if (name == "auto") return std::string(count > 0 ? "cuda:0" : "cpu");
  std::string_view number = name == "cuda" ? "0" : name;
  if (number.starts_with("cuda:")) number.remove_prefix(5);
  if (number.empty() || number.size() > 3 ||
      !std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return rejected(fmt::format("device is '{}', expected auto, cpu, cuda or cuda:N", name));
  }
  const int index = std::stoi(std::string(number));
  if (index < count) return fmt::format("cuda:{}", index);
  return rejected(fmt::format(
      "device is {}, but {}; choose cpu or auto", name,
      count > 0 ? fmt::format("there are only {} CUDA devices", count)
                : "no CUDA device can be used: there is none, or this build has no CUDA "
                  "(docs/gpu.md says how it is built)"));
}

Result<Precision> choose_device_precision(std::string_view name) {
  if (name == "auto") return Precision::BFloat16;
  if (const std::optional<Precision> precision = parse_precision(name)) return *precision;
  return rejected(
      fmt::format("precision is '{}', expected auto, float32, bfloat16 or float16", name));
}

std::optional<std::uint64_t> free_device_memory(const std::string& device) {
  try {
    return free_bytes(at::Device(device));
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::uint64_t device_instance_bytes(const NetworkSizes& sizes, int batch_size) {
  // Tokens in float32; beside them, at the widest point, the normed tokens and the hidden layer
  // before and after its activation, which at most are float32 as well; crops in and out.
  const std::int64_t a_token = 2 * sizes.backbone_width + 2 * sizes.backbone_mlp;
  const std::int64_t a_crop = kTokenCount * a_token + 2 * static_cast<std::int64_t>(kCropFloats);
  return static_cast<std::uint64_t>(batch_size * a_crop) * sizeof(float);
}

Result<SharedDeviceWeights> load_device_weights(const ModelFolder& folder,
                                                const std::string& device, Precision precision) {
  POSEFLEET_TRY(const std::unique_ptr<Safetensors> file, Safetensors::open(folder.weights_path()));
  const TensorOf tensor_of = [&](const std::string& name,
                                 const Shape& shape) -> Result<at::Tensor> {
    POSEFLEET_TRY(const TensorView view, network_tensor(*file, name, shape));
    const at::ScalarType type = view.dtype == DType::F16    ? at::kHalf
                                : view.dtype == DType::BF16 ? at::kBFloat16
                                                            : at::kFloat;
    // Only read, though LibTorch cannot say so.
    return at::from_blob(const_cast<std::byte*>(view.bytes.data()), shape, type).to(at::kFloat);
  };
  return guarded("the weights cannot be copied to " + device, [&]() -> Result<SharedDeviceWeights> {
    keep_float32_exact();
    POSEFLEET_TRY(std::shared_ptr<DeviceWeights> weights,
                  make_device_weights(folder.manifest.network, folder.manifest.name,
                                      at::Device(device), precision, tensor_of));
    return SharedDeviceWeights(std::move(weights));
  });
}

Result<SharedDeviceWeights> random_device_weights(const NetworkSizes& sizes, std::uint64_t seed,
                                                  const std::string& device, Precision precision) {
  return guarded("no weights on " + device, [&]() -> Result<SharedDeviceWeights> {
    keep_float32_exact();
    at::manual_seed(seed);
    const TensorOf tensor_of = [](const std::string& name,
                                  const Shape& shape) -> Result<at::Tensor> {
      return noise(name, shape);
    };
    POSEFLEET_TRY(
        std::shared_ptr<DeviceWeights> weights,
        make_device_weights(sizes, "random weights", at::Device(device), precision, tensor_of));
    return SharedDeviceWeights(std::move(weights));
  });
}

class DeviceNetwork::Impl final {
 public:
  Impl(SharedDeviceWeights weights, int batch_size)
      : weights_(std::move(weights)), batch_size_(batch_size) {
    stage_ = Stage::make(
        weights_->device, {batch_size, 3, kCropSide, kCropSide}, {batch_size, kOutputs},
        [this](const at::Tensor& in, at::Tensor& out) { out.copy_(forward(*weights_, in)); });
  }

  const DeviceWeights& weights() const { return *weights_; }
  int batch_size() const { return batch_size_; }

  std::vector<NetworkOutput> run(std::span<const float> crops, int count) {
    POSEFLEET_CHECK(count >= 1 && count <= batch_size_);
    POSEFLEET_CHECK(crops.size() == static_cast<std::size_t>(count) * kCropFloats);
    float* rest = std::copy(crops.begin(), crops.end(), stage_->input());
    std::fill_n(rest, static_cast<std::size_t>(batch_size_ - count) * kCropFloats, 0.0f);
    stage_->run();
    std::vector<NetworkOutput> outputs;
    for (int crop = 0; crop < count; ++crop) {
      outputs.push_back(output_of(stage_->output() + crop * kOutputs));
    }
    return outputs;
  }

 private:
  SharedDeviceWeights weights_;
  int batch_size_;
  std::unique_ptr<Stage> stage_;
};

DeviceNetwork::DeviceNetwork(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DeviceNetwork::~DeviceNetwork() = default;

Result<std::unique_ptr<DeviceNetwork>> DeviceNetwork::create(SharedDeviceWeights weights,
                                                             int batch_size) {
  POSEFLEET_CHECK(weights != nullptr);
  if (batch_size < 1 || batch_size > kBatchMax) {
    return rejected(fmt::format("batch size is {}, expected 1 to {}", batch_size, kBatchMax));
  }
  return guarded("the network cannot be set up", [&]() -> Result<std::unique_ptr<DeviceNetwork>> {
    return std::unique_ptr<DeviceNetwork>(
        new DeviceNetwork(std::make_unique<Impl>(std::move(weights), batch_size)));
  });
}

int DeviceNetwork::batch_size() const {
  return impl_->batch_size();
}

std::string DeviceNetwork::description() const {
  const DeviceWeights& weights = impl_->weights();
  return fmt::format("{} {}x{}, {}, {}, LibTorch {}, batch {}", weights.name,
                     weights.sizes.backbone_width, weights.sizes.backbone_depth,
                     name_of(weights.precision), product_name(weights.device), TORCH_VERSION,
                     batch_size());
}

Result<std::vector<NetworkOutput>> DeviceNetwork::run(std::span<const float> crops, int count,
                                                      const OnStep& on_step) {
  return guarded("the network failed", [&]() -> Result<std::vector<NetworkOutput>> {
    std::vector<NetworkOutput> outputs = impl_->run(crops, count);
    if (on_step) on_step();
    return outputs;
  });
}

}  // namespace posefleet

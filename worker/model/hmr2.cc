#include "worker/model/hmr2.h"

#include <algorithm>
#include <exception>
#include <new>
#include <string_view>
#include <utility>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/version.h>

#include "common/base/check.h"
#include "common/model_folder/network_layout.h"
#include "worker/model/backbone.h"
#include "worker/model/crop.h"
#include "worker/model/decoder.h"
#include "worker/model/product.h"
#include "worker/model/rotations.h"
#include "worker/model/tiles.h"
#include "worker/model/weights.h"

namespace posefleet {
namespace {

constexpr int kThreadsMax = 256;
constexpr int kBatchMax = 256;

Status check_options(const Hmr2Options& options) {
  if (options.threads < 1 || options.threads > kThreadsMax) {
    return rejected(
        fmt::format("model threads is {}, expected 1 to {}", options.threads, kThreadsMax));
  }
  if (options.batch_size < 1 || options.batch_size > kBatchMax) {
    return rejected(
        fmt::format("batch size is {}, expected 1 to {}", options.batch_size, kBatchMax));
  }
  return done();
}

// LibTorch has no exception of its own for the processor's memory, only words.
Error error_of(std::string_view what, const std::exception& error) {
  const std::string_view reason = error.what();
  const bool is_memory = dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
                         reason.find("not enough memory") != reason.npos ||
                         reason.find("out of memory") != reason.npos;
  if (is_memory) return overloaded(fmt::format("{}: no memory is left", what));
  return internal_error(fmt::format("{}: {}", what, reason));
}

NetworkOutput output_of(const DecoderOutput& decoded, std::size_t crop) {
  NetworkOutput output;
  const float* six = decoded.pose6d.data() + crop * kPose6dCount;
  output.global_orient = rotation_from_6d(std::span<const float, 6>(six, 6));
  for (Rotation& joint : output.body_pose) {
    six += 6;
    joint = rotation_from_6d(std::span<const float, 6>(six, 6));
  }
  std::copy_n(decoded.betas.data() + crop * kShapeCount, kShapeCount, output.betas.begin());
  std::copy_n(decoded.cam.data() + crop * kCameraCount, kCameraCount, output.pred_cam.begin());
  return output;
}

}  // namespace

std::uint64_t instance_bytes(const NetworkSizes& sizes, int batch_size) {
  // Tokens, queries with keys and values, attended, normed and features, the MLP's hidden layer;
  // keys and values of the head's layers; the crops' patches and their padded copy.
  const std::int64_t backbone = 7 * sizes.backbone_width + sizes.backbone_mlp;
  const std::int64_t head =
      sizes.decoder_depth * 2 * sizes.decoder_heads * sizes.decoder_head_width;
  const std::int64_t patches = 2 * 3 * kPatchSize * kPatchSize;
  return static_cast<std::uint64_t>(batch_size * kTokenCount * (backbone + head + patches)) *
         sizeof(float);
}

std::uint64_t weight_bytes(const NetworkSizes& sizes, Precision precision) {
  std::uint64_t bytes = 0;
  for (const auto& [name, shape] : network_layout(sizes)) {
    const bool is_rounded = precision == Precision::BFloat16 && shape.size() == 2 &&
                            name.starts_with("backbone.blocks.");
    bytes += static_cast<std::uint64_t>(element_count(shape)) *
             (is_rounded ? sizeof(std::uint16_t) : sizeof(float));
  }
  return bytes;
}

// All that an instance owns. Made and run under OneThread (tiles.h).
class Hmr2::Network final {
 public:
  Network(SharedWeights weights, const Hmr2Options& options)
      : weights_(std::move(weights)),
        options_(options),
        tiles_(options.threads),
        backbone_(*weights_, tiles_, options.batch_size),
        decoder_(*weights_, tiles_, options.batch_size) {
    tiles_.reserve_scratch(std::max(backbone_.scratch_bytes(), decoder_.scratch_bytes()));
  }

  const Hmr2Options& options() const { return options_; }
  const Hmr2Weights& weights() const { return *weights_; }
  std::string kernel() const { return backbone_.kernel(); }

  DecoderOutput run(std::span<const float> crops, int count, const OnStep& on_step,
                    NetworkTrace* trace) {
    POSEFLEET_CHECK(count >= 1 && count <= options_.batch_size);
    POSEFLEET_CHECK(crops.size() == static_cast<std::size_t>(count) * kCropFloats);
    const at::InferenceMode inference;
    const OneThread alone;
    return decoder_.run(backbone_.run(crops.data(), count, on_step, trace), count);
  }

 private:
  SharedWeights weights_;
  Hmr2Options options_;
  Tiles tiles_;
  Backbone backbone_;
  Decoder decoder_;
};

Hmr2::Hmr2(std::unique_ptr<Network> network) : network_(std::move(network)) {}
Hmr2::~Hmr2() = default;

Result<std::unique_ptr<Hmr2>> Hmr2::create(SharedWeights weights, const Hmr2Options& options) {
  POSEFLEET_CHECK(weights != nullptr);
  POSEFLEET_TRY_DO(check_options(options));
  try {
    const at::InferenceMode inference;
    const OneThread alone;
    return std::unique_ptr<Hmr2>(new Hmr2(std::make_unique<Network>(std::move(weights), options)));
  } catch (const std::exception& error) {
    return error_of("the network cannot be set up", error);
  }
}

Result<std::unique_ptr<Hmr2>> Hmr2::load(const ModelFolder& folder, const Hmr2Options& options) {
  POSEFLEET_TRY(SharedWeights weights, load_weights(folder));
  return create(std::move(weights), options);
}

int Hmr2::batch_size() const {
  return network_->options().batch_size;
}

std::string Hmr2::description() const {
  const Hmr2Weights& weights = network_->weights();
  return fmt::format("{} {}x{}, {}, {} ({}), LibTorch {}, {} threads, batch {}", weights.name,
                     weights.sizes.backbone_width, weights.sizes.backbone_depth,
                     name_of(weights.precision), product_library(), network_->kernel(),
                     TORCH_VERSION, network_->options().threads, batch_size());
}

Result<std::vector<NetworkOutput>> Hmr2::run(std::span<const float> crops, int count,
                                             const OnStep& on_step) {
  try {
    const DecoderOutput decoded = network_->run(crops, count, on_step, nullptr);
    std::vector<NetworkOutput> outputs;
    for (std::size_t crop = 0; crop < static_cast<std::size_t>(count); ++crop) {
      outputs.push_back(output_of(decoded, crop));
    }
    return outputs;
  } catch (const std::exception& error) {
    return error_of("the network failed", error);
  }
}

Result<NetworkTrace> Hmr2::trace(std::span<const float> crops, int count) {
  try {
    NetworkTrace trace;
    DecoderOutput decoded = network_->run(crops, count, {}, &trace);
    trace.token_out = std::move(decoded.token);
    trace.pose6d = std::move(decoded.pose6d);
    return trace;
  } catch (const std::exception& error) {
    return error_of("the network failed", error);
  }
}

}  // namespace posefleet

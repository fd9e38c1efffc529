#include "worker/detect/torchscript_network.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <fmt/format.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/script.h>
#include <torch/version.h>

#include "worker/detect/decode.h"
#include "worker/model/tiles.h"

namespace posefleet {
namespace {

// More would be no list of boxes: the largest published input gives 350,000 places of 84 numbers.
constexpr std::int64_t kOutputNumbersMax = std::int64_t{1} << 27;

// The first lines of what LibTorch says; the rest is its own call stack.
std::string brief(const std::exception& error) {
  std::string text = error.what();
  if (const auto* torch_error = dynamic_cast<const c10::Error*>(&error)) {
    text = torch_error->what_without_backtrace();
  }
  constexpr std::size_t kTextMax = 400;
  if (text.size() > kTextMax) text = text.substr(0, kTextMax) + "...";
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

// A number in our memory as one of ours; (rows, ...) of one picture.
RawTensor raw_tensor(const std::string& name, const at::Tensor& of_batch, std::int64_t picture) {
  const at::Tensor tensor = of_batch.select(0, picture).to(at::kFloat).contiguous();
  RawTensor raw;
  raw.name = name;
  raw.shape = tensor.sizes().vec();
  const float* numbers = tensor.data_ptr<float>();
  raw.values.assign(numbers, numbers + tensor.numel());
  return raw;
}

// The output's tensors by name, whatever they are wrapped in. What is no tensor of the batch
// (sizes, feature maps in lists) is passed over.
std::vector<std::pair<std::string, at::Tensor>> tensors_of(const c10::IValue& value,
                                                           std::int64_t batch) {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  const auto add = [&](const std::string& name, const c10::IValue& part) {
    if (!part.isTensor()) return;
    const at::Tensor& tensor = part.toTensor();
    if (tensor.dim() != 3 || tensor.size(0) != batch) return;
    TORCH_CHECK(tensor.numel() <= kOutputNumbersMax, "an output of ", tensor.numel(), " numbers");
    tensors.emplace_back(name, tensor);
  };
  if (value.isTensor()) {
    add("", value);
  } else if (value.isTuple()) {
    for (const c10::IValue& part : value.toTupleRef().elements()) add("", part);
  } else if (value.isList()) {
    for (const c10::IValue& part : value.toListRef()) add("", part);
  } else if (value.isGenericDict()) {
    for (const auto& entry : value.toGenericDict()) {
      if (entry.key().isString()) add(entry.key().toStringRef(), entry.value());
    }
  }
  return tensors;
}

}  // namespace

class DetectorFile final {
 public:
  DetectorFile(torch::jit::Module module, DetectorTraits traits, std::string name)
      : module_(std::move(module)), traits_(std::move(traits)), name_(std::move(name)) {}

  const DetectorTraits& traits() const { return traits_; }
  const std::string& name() const { return name_; }
  std::string layout = "unknown layout";  // set once, while loading

  // `pictures` holds `count` squares; a file of fixed batch gets grey ones after them. Throws what
  // LibTorch throws. Several threads may call it.
  std::vector<RawOutput> forward(const float* pictures, int count, int side) const {
    const at::InferenceMode inference;
    const torch::jit::GraphOptimizerEnabledGuard as_written(false);
    at::Tensor input = at::full({std::max(count, traits_.batch), 3, side, side}, 0.5f);
    const std::size_t size = std::size_t{3} * static_cast<std::size_t>(side) *
                             static_cast<std::size_t>(side) * static_cast<std::size_t>(count);
    std::copy_n(pictures, size, input.data_ptr<float>());
    torch::jit::Module module = module_;  // a handle: `forward` is not const
    const c10::IValue output = module.forward({input});
    const auto tensors = tensors_of(output, input.size(0));
    std::vector<RawOutput> outputs(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      for (const auto& [name, tensor] : tensors) {
        outputs[i].push_back(raw_tensor(name, tensor, static_cast<std::int64_t>(i)));
      }
    }
    return outputs;
  }

 private:
  torch::jit::Module module_;
  DetectorTraits traits_;
  std::string name_;
};

namespace {

class TorchScriptNetwork final : public DetectionNetwork {
 public:
  TorchScriptNetwork(SharedDetectorFile file, int threads)
      : file_(std::move(file)), tiles_(threads) {}

  const DetectorTraits& traits() const override { return file_->traits(); }
  std::string description() const override {
    return fmt::format("{}, {} threads", description_of(*file_), tiles_.threads());
  }
  int pictures_at_once() const override { return tiles_.threads() * traits().batch; }

  Result<std::vector<RawOutput>> run(std::span<const float> pictures, int count,
                                     int side) override {
    const int batch = traits().batch;
    const std::size_t size = pictures.size() / static_cast<std::size_t>(count);
    std::vector<RawOutput> outputs(static_cast<std::size_t>(count));
    try {
      const OneThread alone;
      tiles_.run((count + batch - 1) / batch, [&](int piece, std::byte*) {
        const int first = piece * batch;
        auto some = file_->forward(pictures.data() + static_cast<std::size_t>(first) * size,
                                   std::min(batch, count - first), side);
        std::move(some.begin(), some.end(), outputs.begin() + first);
      });
    } catch (const std::exception& error) {
      return internal_error(
          fmt::format("{}: the detector failed: {}", file_->name(), brief(error)));
    }
    return outputs;
  }

 private:
  SharedDetectorFile file_;
  Tiles tiles_;
};

// What the file says of itself; nothing when it has no config.txt.
Result<DetectorManifest> own_manifest(const std::string& config, const std::string& path) {
  if (config.empty()) return DetectorManifest{};
  return read_detector_config(config, path);
}

// Looks at one grey picture: what comes out must have a layout that we know.
Status try_out(DetectorFile& file) {
  const auto side = static_cast<std::size_t>(file.traits().side);
  const std::vector<float> grey(3 * side * side, 114.0f / 255.0f);
  const std::vector<RawOutput> outputs = file.forward(grey.data(), 1, file.traits().side);
  POSEFLEET_TRY(const DetectorDecoder layout, layout_of(outputs.front(), file.traits()));
  file.layout = name_of(layout);
  POSEFLEET_TRY([[maybe_unused]] const std::vector<Candidate> people,
                decode_people(outputs.front(), layout, file.traits(),
                              {.side = file.traits().side, .conf = file.traits().conf}));
  return done();
}

}  // namespace

Result<SharedDetectorFile> load_detector_file(const ModelFolder& folder) {
  const std::string path = folder.detector_path().string();
  try {
    const OneThread alone;
    torch::jit::ExtraFilesMap extra_files = {{"config.txt", ""}};
    torch::jit::Module module = torch::jit::load(path, at::kCPU, extra_files);
    POSEFLEET_TRY(const DetectorManifest own, own_manifest(extra_files["config.txt"], path));
    auto checked = detector_traits(merged(folder.detector(), own));
    if (!checked) return in_context(path, checked.error());
    DetectorTraits traits = *std::move(checked);
    module.eval();
    module.to(at::kFloat);
    auto file = std::make_shared<DetectorFile>(std::move(module), std::move(traits),
                                               folder.detector_path().filename().string());
    if (const Status tried = try_out(*file); !tried) return in_context(path, tried.error());
    return SharedDetectorFile(std::move(file));
  } catch (const std::exception& error) {
    return rejected(
        fmt::format("{} cannot be used as a TorchScript detector: {}", path, brief(error)));
  }
}

std::string description_of(const DetectorFile& file) {
  return fmt::format("{}, {}, {} px, LibTorch {}", file.name(), file.layout, file.traits().side,
                     TORCH_VERSION);
}

Result<std::unique_ptr<DetectionNetwork>> make_detection_network(SharedDetectorFile file,
                                                                 int threads) {
  constexpr int kThreadsMax = 256;
  if (threads < 1 || threads > kThreadsMax) {
    return rejected(fmt::format("detector threads is {}, expected 1 to {}", threads, kThreadsMax));
  }
  try {
    return std::unique_ptr<DetectionNetwork>(new TorchScriptNetwork(std::move(file), threads));
  } catch (const std::exception& error) {
    return internal_error(fmt::format("the detector cannot be set up: {}", error.what()));
  }
}

}  // namespace posefleet

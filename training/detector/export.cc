#include "training/detector/export.h"

#include <sstream>

#include <fmt/format.h>
#include <torch/script.h>

#include "common/files/files.h"
#include "training/detector/network.h"

namespace posefleet::training::detect {
namespace {

// A convolution that does what it and the batch norm after it do.
struct Folded {
  at::Tensor weight;  // (out, in, height, width), channels last in memory
  at::Tensor bias;
};

Folded folded(const Network& network, std::size_t index) {
  const std::string name = layer_name(index);
  const auto& weights = network.weights();
  const at::Tensor weight = weights.at(name + ".weight").detach().permute({0, 3, 1, 2});
  constexpr auto kLast = at::MemoryFormat::ChannelsLast;
  if (!network.architecture().layers[index].is_normed) {
    return {weight.clone(kLast), weights.at(name + ".bias").detach().clone()};
  }
  const at::Tensor deviation = (network.averages().at(name + ".variance") + kNormEpsilon).sqrt();
  const at::Tensor gain = weights.at(name + ".gain").detach() / deviation;
  const at::Tensor bias =
      weights.at(name + ".shift").detach() - network.averages().at(name + ".mean") * gain;
  return {(weight * gain.view({-1, 1, 1, 1})).contiguous(kLast), bias};
}

std::string line_of(const Layer& layer, std::size_t index) {
  const auto input = [&](std::size_t i) { return fmt::format("v{}", layer.inputs[i]); };
  switch (layer.kind) {
    case LayerKind::Input:
      return "";
    case LayerKind::Conv: {
      const std::string name = layer_name(index);
      const std::string conv = fmt::format(
          "torch.conv2d({}, self.{}_weight, self.{}_bias, [{}, {}], [{}, {}], [1, 1], {})",
          input(0), name, name, layer.stride, layer.stride, layer.kernel / 2, layer.kernel / 2,
          layer.is_depthwise ? layer.channels : 1);
      return layer.is_normed ? fmt::format("torch.relu_({})", conv) : conv;
    }
    case LayerKind::Upsample:
      return fmt::format("torch.upsample_nearest2d({0}, [2 * {0}.size(2), 2 * {0}.size(3)])",
                         input(0));
    case LayerKind::Pool:
      return fmt::format("torch.max_pool2d({}, [5, 5], [1, 1], [2, 2])", input(0));
    case LayerKind::Add:
      return fmt::format("{} + {}", input(0), input(1));
    case LayerKind::Concat: {
      std::string parts = input(0);
      for (std::size_t i = 1; i < layer.inputs.size(); ++i) parts += ", " + input(i);
      return fmt::format("torch.cat([{}], 1)", parts);
    }
  }
  return "";
}

// One level's places to columns of five numbers; architecture.h says what they mean.
std::string level_source() {
  return fmt::format(R"(
def level(self, box, score, stride: float):
    height = box.size(2)
    width = box.size(3)
    x = torch.reshape(torch.arange(width).float() + 0.5, [1, 1, width])
    y = torch.reshape(torch.arange(height).float() + 0.5, [1, height, 1])
    sizes = torch.exp(torch.clamp(box[:, 2:4], {:.2f}, {:.2f}))
    middle_x = (box[:, 0] + x) * stride
    middle_y = (box[:, 1] + y) * stride
    wide = sizes[:, 0] * (stride * {:.2f})
    high = sizes[:, 1] * (stride * {:.2f})
    rows = torch.stack([middle_x, middle_y, wide, high, torch.sigmoid(score[:, 0])], 1)
    return torch.flatten(rows, 2)
)",
                     -kLogSizeMax, kLogSizeMax, kUsualWidth, kUsualHeight);
}

std::string config_text(int side) {
  return fmt::format(
      R"({{"description": "posefleet demo detector", "task": "detect", "stride": {}, "batch": 1, )"
      R"("imgsz": [{}, {}], "names": {{"0": "person"}}, "args": {{"half": false, "dynamic": true}}}})",
      kSideStep, side, side);
}

}  // namespace

std::string exported_source(const Network& network) {
  const Architecture& net = network.architecture();
  // 2 is the format "channels last".
  std::string text =
      "def forward(self, x):\n    v0 = torch.contiguous(x.float(), memory_format=2)\n";
  for (std::size_t i = 1; i < net.layers.size(); ++i) {
    text += fmt::format("    v{} = {}\n", i, line_of(net.layers[i], i));
  }
  std::string levels;
  for (std::size_t i = 0; i < kStrides.size(); ++i) {
    levels += fmt::format("{}self.level(v{}, v{}, {}.0)", i == 0 ? "" : ", ", net.boxes[i],
                          net.scores[i], kStrides[i]);
  }
  return text + "    return torch.cat([" + levels + "], 2)\n";
}

Status export_network(const Network& network, int side, const std::filesystem::path& path) {
  try {
    const at::NoGradGuard no_gradients;
    torch::jit::Module module("detector");
    const auto& layers = network.architecture().layers;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (layers[i].kind != LayerKind::Conv) continue;
      const Folded conv = folded(network, i);
      module.register_parameter(layer_name(i) + "_weight", conv.weight, false);
      module.register_parameter(layer_name(i) + "_bias", conv.bias, false);
    }
    module.define(level_source());
    module.define(exported_source(network));
    std::ostringstream bytes;
    module.save(bytes, {{"config.txt", config_text(side)}});
    return write_file_durably(path, bytes.str());
  } catch (const std::exception& error) {
    return internal_error(fmt::format("cannot export the detector: {}", error.what()));
  }
}

}  // namespace posefleet::training::detect

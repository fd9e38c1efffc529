#include "training/detector/network.h"

#include <cmath>

#include "common/base/check.h"
#include "common/base/random.h"

namespace posefleet::training::detect {
namespace {

// Share of a batch's statistics that goes into the averages.
constexpr double kAverageShare = 0.03;

// What a fresh network says of every place: nobody, with this doubt. Without it the many empty
// places would rule the first hundred steps.
constexpr double kFirstScore = 0.01;

// The last layers begin near zero, so that the first boxes are the usual ones.
constexpr double kLastDeviation = 0.01;

at::Tensor filled(const at::IntArrayRef shape, float value) {
  return at::full(shape, value, at::kFloat);
}

at::Tensor random_weight(const Layer& layer, int inputs, Random& random) {
  const int inputs_each = layer.is_depthwise ? 1 : inputs;
  at::Tensor weight =
      at::empty({layer.channels, layer.kernel, layer.kernel, inputs_each}, at::kFloat);
  const double fan_in = static_cast<double>(layer.kernel) * layer.kernel * inputs_each;
  const double deviation = layer.is_normed ? std::sqrt(2.0 / fan_in) : kLastDeviation;
  float* values = weight.data_ptr<float>();
  for (std::int64_t i = 0; i < weight.numel(); ++i) {
    values[i] = static_cast<float>(deviation * random.normal());
  }
  return weight;
}

}  // namespace

Network::Network(Architecture architecture, std::uint64_t seed)
    : architecture_(std::move(architecture)) {
  Random random(seed);
  const auto& layers = architecture_.layers;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Layer& layer = layers[i];
    if (layer.kind != LayerKind::Conv) continue;
    const std::string name = layer_name(i);
    const int inputs = layers[static_cast<std::size_t>(layer.inputs[0])].channels;
    weights_[name + ".weight"] = random_weight(layer, inputs, random);
    if (layer.is_normed) {
      weights_[name + ".gain"] = filled({layer.channels}, 1);
      weights_[name + ".shift"] = filled({layer.channels}, 0);
      averages_[name + ".mean"] = filled({layer.channels}, 0);
      averages_[name + ".variance"] = filled({layer.channels}, 1);
    } else {
      const bool is_score = layer.channels == 1;
      const double bias = is_score ? std::log(kFirstScore / (1 - kFirstScore)) : 0;
      weights_[name + ".bias"] = filled({layer.channels}, static_cast<float>(bias));
    }
  }
  for (auto& [name, weight] : weights_) weight.set_requires_grad(true);
}

at::Tensor Network::convolved(std::size_t index, const at::Tensor& input, bool is_learning) {
  const Layer& layer = architecture_.layers[index];
  const std::string name = layer_name(index);
  const at::Tensor weight = weights_.at(name + ".weight").permute({0, 3, 1, 2});
  const std::int64_t border = layer.kernel / 2;
  const std::int64_t groups = layer.is_depthwise ? layer.channels : 1;
  const at::Tensor bias = layer.is_normed ? at::Tensor() : weights_.at(name + ".bias");
  const at::Tensor made =
      at::conv2d(input, weight, bias, layer.stride, border, /*dilation=*/1, groups);
  if (!layer.is_normed) return made;
  at::Tensor normed =
      at::batch_norm(made, weights_.at(name + ".gain"), weights_.at(name + ".shift"),
                     averages_.at(name + ".mean"), averages_.at(name + ".variance"), is_learning,
                     kAverageShare, kNormEpsilon, /*cudnn_enabled=*/false);
  return at::relu_(normed);
}

at::Tensor Network::forward(const at::Tensor& pictures, bool is_learning) {
  const auto& layers = architecture_.layers;
  std::vector<at::Tensor> maps(layers.size());
  const auto input = [&](const Layer& layer, std::size_t i) -> const at::Tensor& {
    return maps[static_cast<std::size_t>(layer.inputs[i])];
  };
  maps[0] = pictures.contiguous(at::MemoryFormat::ChannelsLast);
  for (std::size_t i = 1; i < layers.size(); ++i) {
    const Layer& layer = layers[i];
    switch (layer.kind) {
      case LayerKind::Input:
        break;
      case LayerKind::Conv:
        maps[i] = convolved(i, input(layer, 0), is_learning);
        break;
      case LayerKind::Upsample: {
        const at::Tensor& map = input(layer, 0);
        maps[i] = at::upsample_nearest2d(map, {2 * map.size(2), 2 * map.size(3)});
        break;
      }
      case LayerKind::Pool:
        maps[i] = at::max_pool2d(input(layer, 0), {5, 5}, {1, 1}, {2, 2});
        break;
      case LayerKind::Add:
        maps[i] = input(layer, 0) + input(layer, 1);
        break;
      case LayerKind::Concat: {
        std::vector<at::Tensor> parts;
        for (std::size_t k = 0; k < layer.inputs.size(); ++k) parts.push_back(input(layer, k));
        maps[i] = at::cat(parts, 1);
        break;
      }
    }
  }
  std::vector<at::Tensor> levels;
  for (std::size_t level = 0; level < kStrides.size(); ++level) {
    const at::Tensor both = at::cat({maps[static_cast<std::size_t>(architecture_.boxes[level])],
                                     maps[static_cast<std::size_t>(architecture_.scores[level])]},
                                    1);
    levels.push_back(both.permute({0, 2, 3, 1}).flatten(1, 2));
  }
  return at::cat(levels, 1).contiguous();
}

}  // namespace posefleet::training::detect

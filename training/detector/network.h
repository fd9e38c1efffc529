// The detector's network with its weights, walked along the list of layers, with gradients.
//
// Only this folder's sources that compute include it: it shows LibTorch.
//
// Weights are kept as (out, height, width, in), which is how LibTorch's fast convolutions for
// channels-last pictures want them in memory: they are 1.2 to 2.6 times as fast as the others on
// the layers in use here (one core). Files hold them in that order too.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <torch/torch.h>

#include "training/detector/architecture.h"

namespace posefleet::training::detect {

// Added to a variance before its root is taken.
inline constexpr double kNormEpsilon = 1e-3;

// Weights by "l07.weight", ".gain", ".shift" or ".bias"; gradients are kept for them. Averages
// ("l07.mean", ".variance") have none. float32, on the CPU.
using NamedTensors = std::map<std::string, at::Tensor>;

class Network final {
 public:
  // Random weights that follow from `seed` alone.
  Network(Architecture architecture, std::uint64_t seed);

  const Architecture& architecture() const { return architecture_; }
  NamedTensors& weights() { return weights_; }
  NamedTensors& averages() { return averages_; }
  const NamedTensors& weights() const { return weights_; }
  const NamedTensors& averages() const { return averages_; }

  // `pictures` (B, 3, H, W), sides multiples of 32. Gives (B, N, 5): what grid_points() lists, five
  // numbers each, the score before its sigmoid. Learning: normed by this batch's statistics, which
  // also go into the averages; otherwise by the averages.
  at::Tensor forward(const at::Tensor& pictures, bool is_learning);

 private:
  at::Tensor convolved(std::size_t index, const at::Tensor& input, bool is_learning);

  Architecture architecture_;
  NamedTensors weights_;
  NamedTensors averages_;
};

// The loss of a batch, and its parts for the log.
struct Loss {
  at::Tensor total;  // a scalar to go back from
  double score = 0;
  double box = 0;
};

struct TruthBox;
// `numbers` from Network::forward for pictures of this size; truth by picture. `sharpness`: of the
// scores (assignment.h).
Loss loss_of(const at::Tensor& numbers, int width, int height,
             const std::vector<std::vector<TruthBox>>& truth, double sharpness);

}  // namespace posefleet::training::detect

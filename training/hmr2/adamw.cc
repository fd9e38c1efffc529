#include "training/hmr2/adamw.h"

#include <cmath>

#include "common/base/check.h"

namespace posefleet::training {

void adamw_step(const AdamWArrays& arrays, std::span<const float> gradient, std::size_t begin,
                std::size_t end, const AdamWStep& step, const AdamWSettings& settings) {
  POSEFLEET_CHECK(begin <= end && end <= gradient.size() && end <= arrays.weights.size());
  const auto steps = static_cast<double>(step.step);
  // Both averages start at zero; dividing takes out what is missing from them.
  const auto first_scale =
      static_cast<float>(1 / (1 - std::pow(static_cast<double>(settings.first_decay), steps)));
  const auto second_scale =
      static_cast<float>(1 / (1 - std::pow(static_cast<double>(settings.second_decay), steps)));
  const float rate = step.learning_rate * first_scale;
  const float shrink = step.learning_rate * settings.weight_decay;
  float* weights = arrays.weights.data();
  float* first = arrays.first_moment.data();
  float* second = arrays.second_moment.data();
  float* average = arrays.average.data();
  const float* slope = gradient.data();
  const std::uint8_t* decayed = arrays.is_decayed.data();
  for (std::size_t i = begin; i < end; ++i) {
    const float g = slope[i] * step.gradient_scale;
    first[i] += (1 - settings.first_decay) * (g - first[i]);
    second[i] += (1 - settings.second_decay) * (g * g - second[i]);
    const float size = std::sqrt(second[i] * second_scale) + settings.epsilon;
    const float kept = weights[i] - shrink * static_cast<float>(decayed[i]) * weights[i];
    weights[i] = kept - rate * first[i] / size;
    average[i] += (1 - step.average_decay) * (weights[i] - average[i]);
  }
}

}  // namespace posefleet::training

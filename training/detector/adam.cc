#include "training/detector/adam.h"

#include <cmath>

#include "common/base/check.h"

namespace posefleet::training::detect {

void adam_step(const AdamSettings& settings, std::uint64_t step, std::span<const float> gradient,
               std::span<float> first, std::span<float> second, std::span<float> weights) {
  POSEFLEET_CHECK(gradient.size() == weights.size() && first.size() == weights.size() &&
                  second.size() == weights.size() && step >= 1);
  // The moments begin at zero and are too small at first by these factors.
  const auto number = static_cast<double>(step);
  const double first_part = 1 - std::pow(settings.first_share, number);
  const double second_part = 1 - std::pow(settings.second_share, number);
  const auto keep = static_cast<float>(1 - settings.rate * settings.decay);
  const auto rate = static_cast<float>(settings.rate / first_part);
  const auto scale = static_cast<float>(1 / std::sqrt(second_part));
  const auto epsilon = static_cast<float>(settings.epsilon);
  const auto a = static_cast<float>(settings.first_share);
  const auto b = static_cast<float>(settings.second_share);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    first[i] = a * first[i] + (1 - a) * gradient[i];
    second[i] = b * second[i] + (1 - b) * gradient[i] * gradient[i];
    weights[i] = keep * weights[i] - rate * first[i] / (scale * std::sqrt(second[i]) + epsilon);
  }
}

}  // namespace posefleet::training::detect

#include "training/hmr2/schedule.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace posefleet::training {
namespace {

struct Widening {
  float yaw_limit;  // degrees
  double latest;    // progress at which it comes in any case
};
constexpr std::array<Widening, 5> kWidenings = {
    {{60, 0}, {90, 0.04}, {120, 0.09}, {150, 0.14}, {180, 0.2}}};

// Earlier than by the clock when people's direction is known so well on average...
constexpr double kKnownDegrees = 15;
// ... but not before the last widening has shown in the running mean.
constexpr double kWideningMin = 0.02;

// The running mean's memory, in steps.
constexpr double kMemory = 100;

// Poses and places go from easy to hard within this share of the time. What is easy to see is also
// drawn faster.
constexpr double kHardFrom = 0.3;

// Of the clutter and of what stands in front that CropSource can draw. A network of this size sees
// about a million crops; with all of both it still told front from back by chance after a third.
constexpr double kClutterMax = 0.6;
constexpr double kOcclusionMax = 0.5;

constexpr float kAverageDecay = 0.998f;

float between(double low, double high, double share) {
  return static_cast<float>(low + (high - low) * std::clamp(share, 0.0, 1.0));
}

}  // namespace

StepPlan plan_step(const Stage& stage, double progress, std::uint64_t step,
                   const ScheduleSettings& settings) {
  const double done = std::clamp(progress, 0.0, 1.0);
  const double hardness = done / kHardFrom;
  StepPlan plan;
  plan.grid = stage.is_full ? Grid::Full : Grid::Half;
  plan.curriculum = {.yaw_limit = yaw_limit_of(stage),
                     .pose_range = between(0.4, 1, hardness),
                     .clutter = between(0, kClutterMax, hardness),
                     .occlusion = between(0, kOcclusionMax, hardness)};
  const double warmth =
      std::min(1.0, static_cast<double>(step + 1) / static_cast<double>(settings.warm_up_steps));
  const double cosine = 0.5 * (1 + std::cos(std::numbers::pi * done));
  plan.learning_rate = static_cast<float>(settings.learning_rate * warmth * cosine);
  // Early on the average would be of weights that are long out of date.
  const double seen = static_cast<double>(step + 1);
  plan.average_decay = std::min(kAverageDecay, static_cast<float>(seen / (seen + 10)));
  plan.joints_of_true_shape = stage.widening + 1 < static_cast<int>(kWidenings.size());
  return plan;
}

Stage advanced(Stage stage, double progress, double root_degrees,
               const ScheduleSettings& settings) {
  stage.root_degrees += (root_degrees - stage.root_degrees) / kMemory;
  stage.is_full = stage.is_full || progress >= settings.full_size_from;
  const auto next = static_cast<std::size_t>(stage.widening) + 1;
  if (next >= kWidenings.size()) return stage;
  const bool is_known =
      stage.root_degrees < kKnownDegrees && progress >= stage.widened_at + kWideningMin;
  if (is_known || progress >= kWidenings[next].latest) {
    stage.widening = static_cast<int>(next);
    stage.widened_at = progress;
  }
  return stage;
}

bool is_known(const Stage& stage) {
  return stage.widening >= 0 && stage.widening < static_cast<int>(kWidenings.size());
}

float yaw_limit_of(const Stage& stage) {
  return kWidenings[static_cast<std::size_t>(stage.widening)].yaw_limit;
}

}  // namespace posefleet::training

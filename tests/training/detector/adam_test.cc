#include "training/detector/adam.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace posefleet::tests {
namespace {

using namespace posefleet::training::detect;

TEST(Adam, TakesAFirstStepOfTheRateWhateverTheGradientsLength) {
  const std::vector<float> gradient = {1e-4f, -3.0f, 500.0f};
  std::vector<float> first(3), second(3), weights = {1, 1, 1};
  adam_step({.rate = 0.125}, 1, gradient, first, second, weights);
  EXPECT_NEAR(weights[0], 0.875f, 1e-4);
  EXPECT_NEAR(weights[1], 1.125f, 1e-5);
  EXPECT_NEAR(weights[2], 0.875f, 1e-5);
}

TEST(Adam, PullsWeightsWithoutGradientToZeroOnlyByTheDecay) {
  const std::vector<float> gradient = {0};
  std::vector<float> first(1), second(1), weights = {2};
  adam_step({.rate = 0.1, .decay = 0.5}, 1, gradient, first, second, weights);
  EXPECT_FLOAT_EQ(weights[0], 1.9f);
  adam_step({.rate = 0.1}, 2, gradient, first, second, weights);
  EXPECT_FLOAT_EQ(weights[0], 1.9f);
}

TEST(Adam, FindsTheLowestPlaceOfABowl) {
  std::vector<float> first(2), second(2), weights = {4, -3};
  for (std::uint64_t step = 1; step <= 600; ++step) {
    const std::vector<float> gradient = {2 * (weights[0] - 1), 20 * (weights[1] - 2)};
    adam_step({.rate = 0.05}, step, gradient, first, second, weights);
  }
  EXPECT_NEAR(weights[0], 1, 0.01);
  EXPECT_NEAR(weights[1], 2, 0.01);
}

}  // namespace
}  // namespace posefleet::tests

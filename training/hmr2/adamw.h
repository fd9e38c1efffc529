// AdamW (Loshchilov and Hutter 2019) over one long array: two running averages of each gradient,
// and a decay of the weights that does not pass through them.
//
// Our own rather than LibTorch's, because it must do its share of a range without a pause, go on
// from a file to the bit, and keep the running average of the weights, in one pass over the memory:
// 19 MB of weights are read and written with five companions, which at tens of steps a second is
// work. Works on any range of the array, so that threads may share it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace posefleet::training {

struct AdamWSettings {
  float first_decay = 0.9f;
  float second_decay = 0.99f;
  float epsilon = 1e-8f;
  float weight_decay = 0.05f;
};

// What the pass works on; all of one length. The spans' owner is the training's state.
struct AdamWArrays {
  std::span<float> weights;
  std::span<float> first_moment;
  std::span<float> second_moment;
  // Of the weights: what is evaluated and exported, since it is calmer than the weights themselves.
  std::span<float> average;
  std::span<const std::uint8_t> is_decayed;
};

struct AdamWStep {
  std::uint64_t step = 1;  // counted from 1
  float learning_rate = 0;
  float gradient_scale = 1;  // what clipping and averaging leave of the gradient
  float average_decay = 0;
};

// Moves [begin, end) of the arrays by the gradient.
void adamw_step(const AdamWArrays& arrays, std::span<const float> gradient, std::size_t begin,
                std::size_t end, const AdamWStep& step, const AdamWSettings& settings);

}  // namespace posefleet::training

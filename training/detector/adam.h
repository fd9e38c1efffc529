// Steps down the gradient: AdamW (Loshchilov and Hutter 2019) on plain arrays.
//
// Ours instead of LibTorch's, since its moments must be written into the state of a run and read
// again, and LibTorch's own files are no format that anything else reads.
//
// Pure. One owner, one thread.
#pragma once

#include <cstdint>
#include <span>

namespace posefleet::training::detect {

struct AdamSettings {
  double rate = 1e-3;        // of this step
  double decay = 0;          // pull towards zero, times the rate
  double first_share = 0.9;  // of the old first moment
  double second_share = 0.99;
  double epsilon = 1e-8;
};

// One step with one array of weights; `step` counts from 1. All spans have the same size.
void adam_step(const AdamSettings& settings, std::uint64_t step, std::span<const float> gradient,
               std::span<float> first, std::span<float> second, std::span<float> weights);

}  // namespace posefleet::training::detect

// How wrong the network's answers are: the sum that it learns by, and its parts in units that a
// person understands.
//
// Shows LibTorch: for this folder and its tests only.
#pragma once

#include <ATen/ATen.h>

#include "training/hmr2/body_chain.h"
#include "training/hmr2/loss_parts.h"
#include "training/hmr2/network.h"

namespace posefleet::training {

// Weights of the parts, and what changes while training goes on.
struct LossSettings {
  double root_turn = 0.3;  // per number of the pelvis's rotation
  double turns = 1.7;      // of the other 23 together
  double joints = 5;       // per metre and axis
  // Per crop width. With 3, a third of a million crops left joints 17 of 256 pixels off on average:
  // what a picture says best was asked for least.
  double places = 9;
  double betas = 0.1;
  double camera = 0.3;
  double joint_maps = 0.1;
  double parts = 0.4;
  double votes = 0.5;  // of the tokens' answers against the decoder's: turns, joints and places
  // While the network does not know which way a body faces, the joints come out short on average,
  // and short bodies look like the remedy. So the joints are first asked of the true shape.
  bool joints_of_true_shape = true;
};

struct Loss {
  at::Tensor total;  // to be differentiated
  LossParts parts;
};

struct BatchTruth {
  at::Tensor numbers;  // (B, TruthNumbers::kCount)
  at::Tensor parts;    // (B, T, kSurfaceLabelCount) as part_shares has them
};

Loss loss_of(const Answer& answer, const BatchTruth& truth, Grid grid, const BodyChain& chain,
             const LossSettings& settings);

// Degrees between rotations (..., 3, 3).
at::Tensor degrees_between(const at::Tensor& a, const at::Tensor& b);

}  // namespace posefleet::training

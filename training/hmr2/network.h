// The production network (worker/model) once more, as sums that LibTorch can differentiate.
//
// Two implementations of one design are kept apart on purpose: the production one writes into
// fixed buffers with fixed tiles, for speed and for equal bytes; this one builds a graph. A test
// holds their answers together.
//
// It runs on two grids. On Full the crop's 16x12 patches are those of production. On Half the crop
// was shrunk to half its size first and has 8x6 patches, a quarter of the work, with the positions
// averaged likewise: most of the learning is done there, and the switch costs little.
//
// Shows LibTorch: for this folder and its tests only.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "training/hmr2/parameters.h"
#include "training/hmr2/samples.h"

namespace posefleet::training {

// What the tokens say of the joints, each heard as much as it claims to hold the joint.
//
// The decoder's one query begins by looking at everything at once, and for long has little to tell
// the backbone about what it should see. These answers reach each token directly.
struct Votes {
  at::Tensor rotations;  // (B, 24, 3, 3)
  at::Tensor joints;     // (B, 24, 3) less the pelvis, metres
  at::Tensor places;     // (B, 24, 2) crop units
};

// B crops, T tokens.
struct Answer {
  at::Tensor pose6d;      // (B, 144)
  at::Tensor rotations;   // (B, 24, 3, 3) each joint against its parent, joint 0 in camera axes
  at::Tensor betas;       // (B, 10)
  at::Tensor camera;      // (B, 3) s, tx, ty
  at::Tensor joint_maps;  // (B, T, 24) scores: how much joint j seems to lie in token t
  at::Tensor parts;       // (B, T, kSurfaceLabelCount) scores: what the token shows
  Votes votes;
};

// Six numbers to a rotation: the reference's rule (worker/model/rotations.h). (..., 6) -> (..., 3,
// 3)
at::Tensor rotations_from_6d(const at::Tensor& six);

// A view of somebody else's numbers, which must outlive it and may change between calls. Each
// thread makes its own; the graphs of different threads share nothing but those numbers.
class TrainNetwork final {
 public:
  // `values` as ParameterLayout says; only read.
  TrainNetwork(const ParameterLayout& layout, std::span<float> values,
               Products products = Products::Float32);

  // patches: (B, tokens, 768) as samples.h cuts them.
  Answer forward(const at::Tensor& patches, Grid grid) const;

  // The tensors that gradients are asked for, in the layout's order.
  const std::vector<at::Tensor>& trained() const { return trained_; }

 private:
  const at::Tensor& at(const std::string& name) const { return tensors_.at(name); }
  at::Tensor linear(const at::Tensor& x, const std::string& name) const;
  at::Tensor norm(const at::Tensor& x, const std::string& name, double epsilon) const;
  at::Tensor tokens(const at::Tensor& patches, Grid grid) const;
  at::Tensor block(const at::Tensor& x, const std::string& name) const;
  at::Tensor decode(const at::Tensor& context) const;
  Votes votes(const at::Tensor& tokens, const at::Tensor& joint_maps, Grid grid) const;
  at::Tensor cross_attention(const at::Tensor& x, const at::Tensor& context,
                             const std::string& name) const;

  NetworkSizes sizes_;
  Products products_;
  std::map<std::string, at::Tensor> tensors_;
  std::vector<at::Tensor> trained_;
};

}  // namespace posefleet::training

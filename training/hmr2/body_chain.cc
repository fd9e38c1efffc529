#include "training/hmr2/body_chain.h"

#include <algorithm>

#include "common/protocol/poses.h"

namespace posefleet::training {
namespace {

constexpr double kCropFocal = 5000;  // pixels of the 256 crop
constexpr double kCropSide = 256;
// A person of less than this scale is a speck: the camera's depth is not let go to infinity while
// the network still guesses.
constexpr double kScaleMin = 0.1;

at::Tensor indices(const std::vector<std::int64_t>& values) {
  return at::tensor(values, at::kLong);
}

// The regressor's sums in double, since 6890 small numbers add up.
at::Tensor regressed(const BodyData& body, const std::vector<float>& numbers,
                     std::int64_t columns) {
  const std::int64_t vertices = body.vertex_count();
  const auto view = [](const std::vector<float>& from, at::IntArrayRef shape) {
    return at::from_blob(const_cast<float*>(from.data()), shape, at::kFloat).to(at::kDouble);
  };
  return at::mm(view(body.joint_regressor, {kJointCount, vertices}),
                view(numbers, {vertices, columns}));
}

}  // namespace

BodyChain::BodyChain(const BodyData& body) {
  const at::NoGradGuard no_graph;
  rest_ = regressed(body, body.v_template, 3).to(at::kFloat);
  // (24, 3 x 10) to (10, 24 x 3).
  directions_ = regressed(body, body.shapedirs, 3 * kBetaCount)
                    .view({kJointCount * 3, kBetaCount})
                    .t()
                    .to(at::kFloat)
                    .contiguous();
  std::vector<std::int64_t> above(body.parents);
  above[0] = 0;
  parents_ = indices(above);

  std::vector<std::int64_t> level = {0};
  std::vector<std::int64_t> in_order = level;
  while (!level.empty()) {
    std::vector<std::int64_t> next;
    std::vector<std::int64_t> places;
    for (std::int64_t joint = 1; joint < kJointCount; ++joint) {
      const auto parent =
          std::find(level.begin(), level.end(), body.parents[static_cast<std::size_t>(joint)]);
      if (parent == level.end()) continue;
      next.push_back(joint);
      places.push_back(parent - level.begin());
    }
    if (!next.empty()) levels_.push_back({indices(next), indices(places)});
    in_order.insert(in_order.end(), next.begin(), next.end());
    level = std::move(next);
  }
  std::vector<std::int64_t> order(kJointCount);
  for (std::size_t i = 0; i < in_order.size(); ++i) {
    order[static_cast<std::size_t>(in_order[i])] = static_cast<std::int64_t>(i);
  }
  order_ = indices(order);
}

at::Tensor BodyChain::pelvis(const at::Tensor& betas) const {
  return rest_[0] + at::matmul(betas, directions_.narrow(1, 0, 3));
}

at::Tensor BodyChain::joints(const at::Tensor& rotations, const at::Tensor& betas) const {
  const std::int64_t count = rotations.size(0);
  const at::Tensor rest = rest_ + at::matmul(betas, directions_).view({count, kJointCount, 3});
  const at::Tensor bones = rest - rest.index_select(1, parents_);
  at::Tensor turns = rotations.narrow(1, 0, 1);
  at::Tensor points = at::zeros({count, 1, 3}, rotations.options());
  std::vector<at::Tensor> found = {points};
  for (const Level& level : levels_) {
    const at::Tensor above = turns.index_select(1, level.parents);
    const at::Tensor bone = bones.index_select(1, level.joints).unsqueeze(-1);
    points = points.index_select(1, level.parents) + at::matmul(above, bone).squeeze(-1);
    turns = at::matmul(above, rotations.index_select(1, level.joints));
    found.push_back(points);
  }
  return at::cat(found, 1).index_select(1, order_);
}

at::Tensor places_in_crop(const at::Tensor& points, const at::Tensor& camera) {
  const at::Tensor scale = camera.narrow(1, 0, 1).clamp_min(kScaleMin);
  const at::Tensor depth =
      points.narrow(2, 2, 1) + (2 * kCropFocal / kCropSide / scale).unsqueeze(1);
  return (points.narrow(2, 0, 2) + camera.narrow(1, 1, 2).unsqueeze(1)) / depth *
         (kCropFocal / kCropSide);
}

}  // namespace posefleet::training

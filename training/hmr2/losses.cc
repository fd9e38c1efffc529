#include "training/hmr2/losses.h"

#include <numbers>

namespace posefleet::training {
namespace {

constexpr double kDegrees = 180 / std::numbers::pi;

// The parts of a batch's truth (samples.h).
struct Truth {
  explicit Truth(const at::Tensor& numbers) {
    const std::int64_t count = numbers.size(0);
    using N = TruthNumbers;
    const auto part = [&](std::int64_t from, std::int64_t to) {
      return numbers.narrow(1, from, to - from);
    };
    rotations = part(N::kRotations, N::kBetas).reshape({count, kJointCount, 3, 3});
    betas = part(N::kBetas, N::kCamera);
    camera = part(N::kCamera, N::kJoints);
    joints = part(N::kJoints, N::kPlaces).reshape({count, kJointCount, 3});
    places = part(N::kPlaces, N::kCount).reshape({count, kJointCount, 2});
  }
  at::Tensor rotations, betas, camera, joints, places;
};

// How much of a joint each of `count` rows or columns of tokens should claim: the two nearest share
// it. `at` in tokens; joints beyond the edge belong to the outermost. (B, 24) -> (B, 24, count)
at::Tensor shares(const at::Tensor& where, std::int64_t count) {
  const at::Tensor inside = where.clamp(0, static_cast<double>(count - 1)).unsqueeze(-1);
  return (1 - (at::arange(count, at::kFloat) - inside).abs()).clamp_min(0);
}

// (B, tokens, 24): each joint's map sums to 1.
at::Tensor true_joint_maps(const at::Tensor& places, Grid grid) {
  constexpr double kColumnsBefore = 32;
  const double patch = grid == Grid::Full ? 16 : 32;
  const auto token = [&](std::int64_t axis, double first) {
    return ((places.select(2, axis) + 0.5) * 256 - first) / patch - 0.5;
  };
  const at::Tensor columns = shares(token(0, kColumnsBefore), columns_of(grid));
  const at::Tensor rows = shares(token(1, 0), rows_of(grid));
  return (rows.unsqueeze(-1) * columns.unsqueeze(-2)).flatten(2).transpose(1, 2);
}

// Of one answer, be it the decoder's or the tokens'.
at::Tensor pose_loss(const Votes& answer, const Truth& truth, const LossSettings& settings) {
  const at::Tensor turn_errors = (answer.rotations - truth.rotations).abs();
  return settings.root_turn * turn_errors.select(1, 0).mean() +
         settings.turns * turn_errors.narrow(1, 1, kJointCount - 1).mean() +
         settings.joints * (answer.joints - truth.joints).abs().mean() +
         settings.places * (answer.places - truth.places).abs().mean();
}

float number(const at::Tensor& scalar) {
  return scalar.item<float>();
}

}  // namespace

at::Tensor degrees_between(const at::Tensor& a, const at::Tensor& b) {
  // The trace of aᵀb is the sum of all products.
  const at::Tensor cosine = ((a * b).sum(at::IntArrayRef{-2, -1}) - 1) / 2;
  return cosine.clamp(-1, 1).acos() * kDegrees;
}

Loss loss_of(const Answer& answer, const BatchTruth& batch, Grid grid, const BodyChain& chain,
             const LossSettings& settings) {
  const Truth truth(batch.numbers);
  const at::Tensor& shape = settings.joints_of_true_shape ? truth.betas : answer.betas;
  const at::Tensor joints = chain.joints(answer.rotations, shape);
  const at::Tensor places =
      places_in_crop(joints + chain.pelvis(shape).unsqueeze(1), answer.camera);
  const at::Tensor betas = (answer.betas - truth.betas).abs().mean();
  const at::Tensor camera = (answer.camera - truth.camera).abs().mean();
  const at::Tensor joint_maps =
      -(true_joint_maps(truth.places, grid) * at::log_softmax(answer.joint_maps, 1)).sum(1).mean();
  const at::Tensor parts = -(batch.parts * at::log_softmax(answer.parts, -1)).sum(-1).mean();

  Loss loss;
  loss.total = pose_loss({answer.rotations, joints, places}, truth, settings) +
               settings.votes * pose_loss(answer.votes, truth, settings) + settings.betas * betas +
               settings.camera * camera + settings.joint_maps * joint_maps + settings.parts * parts;

  const at::NoGradGuard no_graph;
  loss.parts.total = number(loss.total);
  loss.parts.root_degrees =
      number(degrees_between(answer.rotations.select(1, 0), truth.rotations.select(1, 0)).mean());
  loss.parts.joint_mm = 1000 * number((joints - truth.joints).norm(2, -1).mean());
  loss.parts.place_px = 256 * number((places - truth.places).norm(2, -1).mean());
  loss.parts.betas = number(betas);
  loss.parts.vote_mm = 1000 * number((answer.votes.joints - truth.joints).norm(2, -1).mean());
  loss.parts.joint_maps = number(joint_maps);
  loss.parts.parts = number(parts);
  return loss;
}

}  // namespace posefleet::training

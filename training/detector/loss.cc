// What the network is told it should have said, as a number to go down from.
#include <algorithm>
#include <numbers>

#include "common/base/check.h"
#include "training/detector/assignment.h"
#include "training/detector/network.h"

namespace posefleet::training::detect {
namespace {

// The published proportion of this pair of losses is 15. With 5, boxes were found early but stayed
// loose (overlap 0.67 after 13,000 pictures).
constexpr double kBoxWeight = 10;

// Keeps quotients finite for boxes without area.
constexpr double kTiny = 1e-6;

// All places that shall say somebody, of the whole batch.
struct Places {
  std::vector<std::int64_t> rows;  // into (B * N)
  std::vector<float> points;       // x, y, stride each
  std::vector<float> boxes;        // to be said; four each
  std::vector<float> overlaps;     // with the person

  std::int64_t count() const { return static_cast<std::int64_t>(rows.size()); }
};

// Scores to be said by every place of the batch, whether it counts, and those with somebody.
struct Targets {
  std::vector<float> scores;
  std::vector<float> counts;
  Places places;
};

Targets targets_of(const at::Tensor& numbers, const std::vector<GridPoint>& points,
                   const std::vector<std::vector<TruthBox>>& truth, double sharpness) {
  const std::size_t count = points.size();
  const float* said = numbers.data_ptr<float>();
  Targets targets;
  targets.scores.reserve(truth.size() * count);
  targets.counts.reserve(truth.size() * count);
  for (std::size_t picture = 0; picture < truth.size(); ++picture) {
    const std::span<const float> own(said + picture * count * 5, count * 5);
    const auto assigned = assign_people(points, own, truth[picture], sharpness);
    for (std::size_t i = 0; i < count; ++i) {
      const PlaceTarget& target = assigned[i];
      targets.scores.push_back(target.person >= 0 ? target.score : 0);
      targets.counts.push_back(target.counts ? 1.0f : 0.0f);
      if (target.person < 0) continue;
      Places& places = targets.places;
      places.rows.push_back(static_cast<std::int64_t>(picture * count + i));
      places.points.insert(places.points.end(), {points[i].x, points[i].y, points[i].stride});
      const auto& box = truth[picture][static_cast<std::size_t>(target.person)].box;
      places.boxes.insert(places.boxes.end(), box.begin(), box.end());
      places.overlaps.push_back(target.overlap);
    }
  }
  return targets;
}

// At least 1.
double sum_of(const std::vector<float>& values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value);
  return std::max(sum, 1.0);
}

at::Tensor tensor_of(const std::vector<float>& values, at::IntArrayRef shape) {
  return torch::tensor(values, at::kFloat).view(shape);
}

// 1 - CIoU (Zheng and others 2020) of each pair: overlap, less the distance of the middles over the
// diagonal of both, less the difference of the proportions.
at::Tensor box_losses(const at::Tensor& said, const at::Tensor& points, const at::Tensor& wanted) {
  const at::Tensor stride = points.select(1, 2);
  const at::Tensor x = points.select(1, 0) + said.select(1, 0) * stride;
  const at::Tensor y = points.select(1, 1) + said.select(1, 1) * stride;
  const at::Tensor logs = at::clamp(said.narrow(1, 2, 2), -kLogSizeMax, kLogSizeMax).exp();
  const at::Tensor width = logs.select(1, 0) * stride * kUsualWidth;
  const at::Tensor height = logs.select(1, 1) * stride * kUsualHeight;
  const at::Tensor x0 = x - width / 2, x1 = x + width / 2;
  const at::Tensor y0 = y - height / 2, y1 = y + height / 2;
  const at::Tensor wx0 = wanted.select(1, 0), wy0 = wanted.select(1, 1);
  const at::Tensor wx1 = wanted.select(1, 2), wy1 = wanted.select(1, 3);
  const at::Tensor wanted_width = wx1 - wx0 + kTiny, wanted_height = wy1 - wy0 + kTiny;

  const at::Tensor shared = at::clamp_min(at::min(x1, wx1) - at::max(x0, wx0), 0) *
                            at::clamp_min(at::min(y1, wy1) - at::max(y0, wy0), 0);
  const at::Tensor joined = width * height + wanted_width * wanted_height - shared + kTiny;
  const at::Tensor iou = shared / joined;
  const at::Tensor diagonal = (at::max(x1, wx1) - at::min(x0, wx0)).square() +
                              (at::max(y1, wy1) - at::min(y0, wy0)).square() + kTiny;
  const at::Tensor distance = (x - (wx0 + wx1) / 2).square() + (y - (wy0 + wy1) / 2).square();
  const at::Tensor turn = at::atan(wanted_width / wanted_height) - at::atan(width / height);
  const at::Tensor proportion = turn.square() * (4 / (std::numbers::pi * std::numbers::pi));
  const at::Tensor share = (proportion / (1 - iou + proportion + kTiny)).detach();
  return 1 - iou + distance / diagonal + share * proportion;
}

}  // namespace

Loss loss_of(const at::Tensor& numbers, int width, int height,
             const std::vector<std::vector<TruthBox>>& truth, double sharpness) {
  const std::vector<GridPoint> points = grid_points(width, height);
  const auto pictures = static_cast<std::int64_t>(truth.size());
  const auto count = static_cast<std::int64_t>(points.size());
  POSEFLEET_CHECK(numbers.dim() == 3 && numbers.size(0) == pictures && numbers.size(1) == count);
  const Targets targets = targets_of(numbers, points, truth, sharpness);

  // Scores are divided by the sum of the wanted ones, boxes by that of the overlaps: a batch with
  // many people does not pull harder than one with few.
  const double wanted_sum = sum_of(targets.scores);
  const at::Tensor scores = at::binary_cross_entropy_with_logits(
      numbers.select(2, 4), tensor_of(targets.scores, {pictures, count}),
      tensor_of(targets.counts, {pictures, count}), {}, at::Reduction::Sum);
  Loss loss;
  loss.total = scores / wanted_sum;
  loss.score = loss.total.item<double>();
  const Places& places = targets.places;
  if (places.count() > 0) {
    const at::Tensor rows = torch::tensor(places.rows, at::kLong);
    const at::Tensor said = numbers.view({-1, 5}).index_select(0, rows).narrow(1, 0, 4);
    const at::Tensor each = box_losses(said, tensor_of(places.points, {places.count(), 3}),
                                       tensor_of(places.boxes, {places.count(), 4}));
    // A floor: a place whose box shares nothing with its person yet must still be drawn to it.
    const at::Tensor weight = at::clamp_min(tensor_of(places.overlaps, {places.count()}), 0.05);
    const at::Tensor box = (each * weight).sum() / sum_of(places.overlaps);
    loss.box = box.item<double>();
    loss.total = loss.total + kBoxWeight * box;
  }
  return loss;
}

}  // namespace posefleet::training::detect

#include "training/detector/assignment.h"

#include <algorithm>
#include <cmath>

#include "common/base/check.h"
#include "worker/detect/nms.h"

namespace posefleet::training::detect {
namespace {

// How many places learn a person, and how box and score weigh (the published values).
constexpr std::size_t kPlacesOfAPerson = 10;
constexpr double kOverlapPower = 6;
constexpr double kScorePower = 0.5;

// A place may learn a person whose box it lies in; of thin people, also from half a stride beside
// them and a little more, so that each has at least one place at every level.
constexpr float kReach = 0.55f;

struct Suited {
  std::size_t point = 0;
  double fit = 0;
  float overlap = 0;
};

bool may_learn(const GridPoint& point, const std::array<float, 4>& box) {
  const float reach_x = std::max((box[2] - box[0]) / 2, kReach * point.stride);
  const float reach_y = std::max((box[3] - box[1]) / 2, kReach * point.stride);
  return std::abs(point.x - (box[0] + box[2]) / 2) <= reach_x &&
         std::abs(point.y - (box[1] + box[3]) / 2) <= reach_y;
}

bool lies_in(const GridPoint& point, const std::array<float, 4>& box) {
  return point.x >= box[0] && point.x <= box[2] && point.y >= box[1] && point.y <= box[3];
}

// The best suited places of one person; of equally suited ones the earlier.
std::vector<Suited> suited_places(std::span<const GridPoint> points, std::span<const float> numbers,
                                  const std::array<float, 4>& box) {
  std::vector<Suited> places;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!may_learn(points[i], box)) continue;
    const float* own = &numbers[5 * i];
    const float shared = overlap(decoded_box(points[i], own), box);
    const double score = 1.0 / (1.0 + std::exp(-static_cast<double>(own[4])));
    places.push_back(
        {i, std::pow(score, kScorePower) * std::pow(static_cast<double>(shared), kOverlapPower),
         shared});
  }
  const auto before = [](const Suited& a, const Suited& b) {
    return a.fit != b.fit ? a.fit > b.fit : a.point < b.point;
  };
  std::sort(places.begin(), places.end(), before);
  if (places.size() > kPlacesOfAPerson) places.resize(kPlacesOfAPerson);
  return places;
}

}  // namespace

std::vector<PlaceTarget> assign_people(std::span<const GridPoint> points,
                                       std::span<const float> numbers,
                                       std::span<const TruthBox> truth, double sharpness) {
  POSEFLEET_CHECK(numbers.size() == 5 * points.size());
  std::vector<PlaceTarget> targets(points.size());
  std::vector<Suited> chosen(points.size());
  for (std::size_t person = 0; person < truth.size(); ++person) {
    const TruthBox& somebody = truth[person];
    if (somebody.is_ignored) {
      for (std::size_t i = 0; i < points.size(); ++i) {
        if (lies_in(points[i], somebody.box)) targets[i].counts = false;
      }
      continue;
    }
    for (const Suited& place : suited_places(points, numbers, somebody.box)) {
      // A place that two people want goes to the one whom its box covers better.
      PlaceTarget& target = targets[place.point];
      if (target.person >= 0 && chosen[place.point].overlap >= place.overlap) continue;
      target.person = static_cast<int>(person);
      chosen[place.point] = place;
    }
  }
  std::vector<double> best_fit(truth.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (targets[i].person < 0) continue;
    double& best = best_fit[static_cast<std::size_t>(targets[i].person)];
    best = std::max(best, chosen[i].fit);
  }
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (targets[i].person < 0) continue;
    targets[i].counts = true;
    targets[i].overlap = chosen[i].overlap;
    const double best = best_fit[static_cast<std::size_t>(targets[i].person)];
    const double share = best > 0 ? std::pow(chosen[i].fit / best, sharpness) : 1;
    targets[i].score = static_cast<float>(share * static_cast<double>(chosen[i].overlap));
  }
  return targets;
}

}  // namespace posefleet::training::detect

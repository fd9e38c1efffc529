#include "training/body/regressor.h"

#include <array>
#include <cmath>
#include <cstddef>
#include <utility>

#include "common/base/check.h"

namespace posefleet::training {
namespace {

using Four = std::array<double, 4>;

// Solves a x = b by elimination; `a` is symmetric and positive, so pivots need only be compared
// with 0.
Four solve(std::array<Four, 4> a, Four b) {
  for (std::size_t i = 0; i < 4; ++i) {
    std::size_t best = i;
    for (std::size_t row = i + 1; row < 4; ++row) {
      if (std::abs(a[row][i]) > std::abs(a[best][i])) best = row;
    }
    std::swap(a[i], a[best]);
    std::swap(b[i], b[best]);
    POSEFLEET_CHECK(std::abs(a[i][i]) > 1e-15);
    for (std::size_t row = 0; row < 4; ++row) {
      if (row == i) continue;
      const double factor = a[row][i] / a[i][i];
      for (std::size_t column = i; column < 4; ++column) a[row][column] -= factor * a[i][column];
      b[row] -= factor * b[i];
    }
  }
  for (std::size_t i = 0; i < 4; ++i) b[i] /= a[i][i];
  return b;
}

}  // namespace

std::vector<double> mean_weights(const std::vector<Vec>& points, const Vec& target,
                                 const std::function<double(const Vec&)>& closeness) {
  std::vector<double> weights(points.size());
  for (std::size_t v = 0; v < points.size(); ++v) weights[v] = closeness(points[v]);
  // Least change in the sense of sum (new - old)^2 / old gives new = old (c + g . (point - target))
  // with four numbers from four conditions: the sum and the three coordinates of the mean. A weight
  // that would fall below 0 is left out and the rest solved again.
  constexpr int kRounds = 20;
  for (int round = 0; round < kRounds; ++round) {
    std::array<Four, 4> matrix{};
    for (std::size_t v = 0; v < points.size(); ++v) {
      if (weights[v] == 0) continue;
      const Vec d = points[v] - target;
      const Four one = {1, d.x, d.y, d.z};
      for (std::size_t i = 0; i < 4; ++i) {
        for (std::size_t j = 0; j < 4; ++j) matrix[i][j] += weights[v] * one[i] * one[j];
      }
    }
    const Four c = solve(matrix, {1, 0, 0, 0});
    bool is_positive = true;
    for (std::size_t v = 0; v < points.size(); ++v) {
      if (weights[v] == 0) continue;
      const Vec d = points[v] - target;
      weights[v] *= c[0] + c[1] * d.x + c[2] * d.y + c[3] * d.z;
      if (weights[v] < 0) {
        weights[v] = 0;
        is_positive = false;
      }
    }
    if (is_positive) break;
  }
  return weights;
}

}  // namespace posefleet::training

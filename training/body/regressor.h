// Joints and keypoints as weighted means of skin vertices.
#pragma once

#include <functional>
#include <vector>

#include "training/body/vec.h"

namespace posefleet::training {

// A weight for each of `points`, most of them 0, that sum to 1 and whose weighted mean is `target`
// to the last digits of a float. `closeness` says how much a point should count, 0 for not at all;
// the answer departs from that as little as it can. There must be points with a closeness on all
// sides of the target.
std::vector<double> mean_weights(const std::vector<Vec>& points, const Vec& target,
                                 const std::function<double(const Vec&)>& closeness);

}  // namespace posefleet::training

// A Gaussian blur that computes only the samples somebody asks for, with the bytes that blurring
// the whole picture would give.
//
// Separable: rows (vertical) first, then columns, in double and without rounding back to 8 bit. The
// sum runs from the centre's product over the pairs from the outermost inwards, as SciPy's
// correlate1d does for symmetric weights; another order gives other last bits.
#pragma once

#include <span>
#include <vector>

#include "worker/model/crop.h"

namespace posefleet {

// The weights of distances 0..radius, radius = floor(4 sigma + 0.5); with both sides their sum
// is 1.
std::vector<double> gaussian_weights(double sigma);

// Values of the blurred picture at rows x columns, three channels each, row after row. Both lists
// are in rising order and inside the frame. Beyond its edge the frame's border pixel repeats.
std::vector<double> blurred_samples(const BgrView& frame, double sigma, std::span<const int> rows,
                                    std::span<const int> columns);

}  // namespace posefleet

#include "worker/model/rotations.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/worker/model/golden.h"

namespace posefleet::tests {
namespace {

TEST(Rotations, MatchTheReferenceEvenWhereTheTwoVectorsAreParallelOrZero) {
  require_folder(golden_folder());
  const Arrays cases("unit_cases.npz");
  const std::vector<float> in = cases.floats("rot6d_in");
  const std::vector<float> out = cases.floats("rot6d_out");
  for (std::size_t i = 0; i < in.size() / 6; ++i) {
    SCOPED_TRACE("case " + std::to_string(i));
    const Rotation found = rotation_from_6d(std::span(in).subspan(6 * i).first<6>());
    EXPECT_LT(largest_difference(found, std::span(out).subspan(9 * i, 9)), 1e-4);
  }
}

TEST(Rotations, TakeTheTwoVectorsAsColumns) {
  const std::vector<float> six = {0, 2, 0, -3, 1, 0};
  EXPECT_EQ(rotation_from_6d(std::span(six).first<6>()), (Rotation{0, -1, 0, 1, 0, 0, 0, 0, 1}));
}

}  // namespace
}  // namespace posefleet::tests

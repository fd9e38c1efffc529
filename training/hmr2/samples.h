// From a drawn crop and its truth to what the network and the losses take, and to the same person
// in a mirror.
//
// A mirrored crop is as good a picture of a person as any and costs nothing to draw, so each crop
// is used twice. Left and right change places in the truth (reference: hmr2.md section 6); that is
// exact for a body whose two halves are alike.
//
// Plain numbers, no LibTorch.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "common/body/joints.h"
#include "training/footage/crop_source.h"
#include "worker/model/crop.h"

namespace posefleet::training {

// How finely the crop is cut into patches of 16x16 pixels (network.h).
enum class Grid { Half, Full };

inline constexpr std::int64_t kFullRows = 16;
inline constexpr std::int64_t kFullColumns = 12;
inline constexpr std::int64_t kPatchNumbers = 3 * 16 * 16;

constexpr std::int64_t rows_of(Grid grid) {
  return grid == Grid::Full ? kFullRows : kFullRows / 2;
}
constexpr std::int64_t columns_of(Grid grid) {
  return grid == Grid::Full ? kFullColumns : kFullColumns / 2;
}
constexpr std::int64_t tokens_of(Grid grid) {
  return rows_of(grid) * columns_of(grid);
}

// (256, 256, 3), RGB.
inline constexpr std::size_t kCropBytes = kCropFloats;

// The person as a mirror shows them: x becomes -x, left and right change places.
CropTruth mirrored(const CropTruth& truth);

// What reads a row of pixels backwards.
enum class Side { AsDrawn, Mirrored };

// Cuts the patches of one crop, (tokens, 3, 16, 16) with the numbers that production's crop has
// there: columns 32..223 only, normalised, zeros beyond the edges. On Half, averages of 2x2 pixels,
// with half the margin, so that both grids lie alike in the picture.
void cut_patches(std::span<const std::uint8_t> rgb, Side side, Grid grid,
                 const CropNormalisation& normalisation, std::span<float> out);

// What a crop's truth is as numbers in a row, in this order:
struct TruthNumbers {
  static constexpr std::int64_t kRotations = 0;                         // (24, 3, 3)
  static constexpr std::int64_t kBetas = kRotations + kJointCount * 9;  // (10)
  static constexpr std::int64_t kCamera = kBetas + kBetaCount;          // (3)
  static constexpr std::int64_t kJoints = kCamera + 3;                  // (24, 3) less the pelvis
  static constexpr std::int64_t kPlaces = kJoints + kJointCount * 3;    // (24, 2) crop units
  static constexpr std::int64_t kCount = kPlaces + kJointCount * 2;
};
void truth_numbers(const CropTruth& truth, std::span<float> out);

// What share of each token is which label of the crop's surface, (tokens, kSurfaceLabelCount): rows
// sum to 1, or to 0 where nothing is labelled. A crop's 2 pixels of padding are left out of
// account.
void part_shares(const CropTruth& truth, Grid grid, std::span<float> out);

// Where a camera of weak perspective shows a point: crop units, 0 the centre, 0.5 the edge.
std::array<float, 2> place_in_crop(const Point3& point, const std::array<float, 3>& camera);

}  // namespace posefleet::training

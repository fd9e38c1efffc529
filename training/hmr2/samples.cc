#include "training/hmr2/samples.h"

#include <algorithm>

#include "common/base/check.h"

namespace posefleet::training {
namespace {

constexpr int kPatch = 16;
// The network sees columns 32..223, with 2 pixels of zeros around them.
constexpr int kFirstColumn = 32;
constexpr int kColumns = 192;
constexpr int kPadding = 2;
constexpr float kCropFocal = 5000;  // pixels of the crop, as HMR2's

// Which joint is its mirror image.
constexpr std::array<std::size_t, kJointCount> kJointSwap = {
    0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20, 23, 22};
// The same of the 44 keypoints: 25, then 19 more.
constexpr std::array<std::size_t, kKeypointCount> kKeypointSwap = {
    0,  1,  5,  6,  7,  2,  3,  4,  8,  12, 13, 14, 9,  10, 11, 16, 15, 18, 17, 22, 23, 24,
    19, 20, 21, 30, 29, 28, 27, 26, 25, 36, 35, 34, 33, 32, 31, 37, 38, 39, 40, 41, 42, 43};

// A turn seen in the mirror: conjugated with diag(-1, 1, 1).
Rotation mirrored(const Rotation& r) {
  return {r[0], -r[1], -r[2], -r[3], r[4], r[5], -r[6], r[7], r[8]};
}

const Rotation& rotation_of(const BodyPose& pose, std::size_t joint) {
  return joint == 0 ? pose.global_orient : pose.body_pose[joint - 1];
}

// One crop's pixels as the grid sees them.
class Pixels final {
 public:
  Pixels(std::span<const std::uint8_t> rgb, Side side) : rgb_(rgb), side_(side) {}

  // `column` counts in the 192 columns that the network sees. Pixel x of the crop lies at x - 128
  // from its centre, so the mirror image of column x is 256 - x.
  int at(int channel, int line, int column) const {
    const int x = kFirstColumn + column;
    const int seen = side_ == Side::AsDrawn ? x : kCropSide - x;
    return rgb_[static_cast<std::size_t>((line * kCropSide + seen) * 3 + channel)];
  }

 private:
  std::span<const std::uint8_t> rgb_;
  Side side_;
};

}  // namespace

CropTruth mirrored(const CropTruth& truth) {
  CropTruth result = truth;
  result.pose.global_orient = mirrored(truth.pose.global_orient);
  for (std::size_t joint = 1; joint < kJointCount; ++joint) {
    result.pose.body_pose[joint - 1] = mirrored(rotation_of(truth.pose, kJointSwap[joint]));
  }
  result.camera[1] = -truth.camera[1];
  for (std::size_t joint = 0; joint < kJointCount; ++joint) {
    const Point3& from = truth.joints[kJointSwap[joint]];
    result.joints[joint] = {-from[0], from[1], from[2]};
  }
  for (std::size_t i = 0; i < kKeypointCount; ++i) {
    const Point3& from = truth.keypoints_3d[kKeypointSwap[i]];
    result.keypoints_3d[i] = {-from[0], from[1], from[2]};
    const auto& seen = truth.keypoints_2d[kKeypointSwap[i]];
    result.keypoints_2d[i] = {-seen[0], seen[1]};
  }
  for (std::size_t cell = 0; cell < truth.surface.size(); ++cell) {
    const std::size_t column = cell % kSurfaceSide;
    const std::size_t other = cell - column + (kSurfaceSide - 1 - column);
    result.surface[cell] = mirrored_label(truth.surface[other]);
  }
  return result;
}

void part_shares(const CropTruth& truth, Grid grid, std::span<float> out) {
  POSEFLEET_CHECK(out.size() == static_cast<std::size_t>(tokens_of(grid) * kSurfaceLabelCount));
  std::fill(out.begin(), out.end(), 0.0f);
  constexpr std::size_t kPixels = kCropSide / kSurfaceSide;  // of a cell's side
  const std::size_t cells = kPatch * (grid == Grid::Full ? 1 : 2) / kPixels;
  const auto columns = static_cast<std::size_t>(columns_of(grid));
  for (std::size_t token = 0; token < static_cast<std::size_t>(tokens_of(grid)); ++token) {
    const auto row = out.subspan(token * kSurfaceLabelCount, kSurfaceLabelCount);
    const std::size_t top = token / columns * cells;
    const std::size_t left = kFirstColumn / kPixels + token % columns * cells;
    float count = 0;
    for (std::size_t i = 0; i < cells * cells; ++i) {
      const std::uint8_t label = truth.surface[(top + i / cells) * kSurfaceSide + left + i % cells];
      if (label == kUnlabelled) continue;
      row[static_cast<std::size_t>(label - kNobody)] += 1;
      count += 1;
    }
    for (float& share : row) share /= std::max(count, 1.0f);
  }
}

void cut_patches(std::span<const std::uint8_t> rgb, Side side, Grid grid,
                 const CropNormalisation& normalisation, std::span<float> out) {
  POSEFLEET_CHECK(rgb.size() == kCropBytes);
  POSEFLEET_CHECK(out.size() == static_cast<std::size_t>(tokens_of(grid) * kPatchNumbers));
  const int step = grid == Grid::Full ? 1 : 2;
  const int padding = kPadding / step;
  const Pixels pixels(rgb, side);
  std::fill(out.begin(), out.end(), 0.0f);
  const auto columns = static_cast<int>(columns_of(grid));
  for (int channel = 0; channel < 3; ++channel) {
    const auto c = static_cast<std::size_t>(channel);
    const float scale = 1 / normalisation.scale[c];
    const float pixel_scale = scale / static_cast<float>(step * step);
    const float offset = normalisation.offset[c] * scale;
    for (int line = 0; line < kCropSide / step; ++line) {
      const int row = (line + padding) / kPatch;
      if (row >= rows_of(grid)) break;
      for (int column = 0; column < kColumns / step; ++column) {
        const int patch_column = (column + padding) / kPatch;
        if (patch_column >= columns) break;
        int sum = pixels.at(channel, line * step, column * step);
        if (step == 2) {
          sum += pixels.at(channel, 2 * line, 2 * column + 1) +
                 pixels.at(channel, 2 * line + 1, 2 * column) +
                 pixels.at(channel, 2 * line + 1, 2 * column + 1);
        }
        const int token = row * columns + patch_column;
        const int place =
            (channel * kPatch + (line + padding) % kPatch) * kPatch + (column + padding) % kPatch;
        out[static_cast<std::size_t>(token * kPatchNumbers + place)] =
            static_cast<float>(sum) * pixel_scale - offset;
      }
    }
  }
}

std::array<float, 2> place_in_crop(const Point3& point, const std::array<float, 3>& camera) {
  const float depth = 2 * kCropFocal / (kCropSide * camera[0] + 1e-9f);
  const float scale = kCropFocal / kCropSide / (point[2] + depth);
  return {(point[0] + camera[1]) * scale, (point[1] + camera[2]) * scale};
}

void truth_numbers(const CropTruth& truth, std::span<float> out) {
  POSEFLEET_CHECK(out.size() == static_cast<std::size_t>(TruthNumbers::kCount));
  for (std::size_t joint = 0; joint < kJointCount; ++joint) {
    const Rotation& rotation = rotation_of(truth.pose, joint);
    std::copy(rotation.begin(), rotation.end(),
              out.begin() + static_cast<std::ptrdiff_t>(9 * joint));
    const std::array<float, 2> place = place_in_crop(truth.joints[joint], truth.camera);
    for (std::size_t axis = 0; axis < 3; ++axis) {
      out[TruthNumbers::kJoints + 3 * joint + axis] =
          truth.joints[joint][axis] - truth.joints[0][axis];
      if (axis < 2) out[TruthNumbers::kPlaces + 2 * joint + axis] = place[axis];
    }
  }
  std::copy(truth.pose.betas.begin(), truth.pose.betas.end(), out.begin() + TruthNumbers::kBetas);
  std::copy(truth.camera.begin(), truth.camera.end(), out.begin() + TruthNumbers::kCamera);
}

}  // namespace posefleet::training

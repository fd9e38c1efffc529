#include "training/body/pose_sheet.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numbers>
#include <utility>

#include "common/media/image.h"
#include "worker/render/rasteriser.h"

namespace posefleet::training {
namespace {

// One picture of the sheet, pixels, and how the bodies stand in it: far away through a long lens,
// so that proportions show as they are.
constexpr int kTileWidth = 180;
constexpr int kTileHeight = 220;
constexpr float kCameraDistance = 12;
constexpr float kPixelsPerMetre = 101;
constexpr std::uint8_t kBackground = 245;
constexpr std::array<float, 3> kViewDegrees = {0, 70, 180};

Rotation product(const Rotation& a, const Rotation& b) {
  Rotation c{};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      for (std::size_t k = 0; k < 3; ++k) c[3 * i + j] += a[3 * i + k] * b[3 * k + j];
    }
  }
  return c;
}

Rotation about(int axis, float degrees) {
  const double angle = degrees * std::numbers::pi / 180;
  const auto c = static_cast<float>(std::cos(angle)), s = static_cast<float>(std::sin(angle));
  if (axis == 0) return {1, 0, 0, 0, c, -s, 0, s, c};
  if (axis == 1) return {c, 0, s, 0, 1, 0, -s, 0, c};
  return {c, -s, 0, s, c, 0, 0, 0, 1};
}

// Light from above the viewer's left shoulder: the film look's lights around the lens would hide
// the dents that one looks for here.
Look sheet_look() {
  Look look = whole_frame_look();
  look.lights = {};
  look.lights[0] = {{-0.48f, -0.64f, -0.6f}, 3.6f};
  look.lights[1] = {{0.8f, 0, -0.6f}, 0.9f};
  return look;
}

// The vertices as the camera sees them: the body's middle in the tile's middle.
std::vector<float> seen_from(const PosedBody& body, float degrees) {
  const Rotation turn = about(1, degrees);
  Point3 low = {1e9f, 1e9f, 1e9f}, high = {-1e9f, -1e9f, -1e9f};
  for (const Point3& v : body.vertices) {
    for (std::size_t i = 0; i < 3; ++i) {
      low[i] = std::min(low[i], v[i]);
      high[i] = std::max(high[i], v[i]);
    }
  }
  std::vector<float> seen;
  for (const Point3& v : body.vertices) {
    const Point3 p = {v[0] - (low[0] + high[0]) / 2, v[1] - (low[1] + high[1]) / 2,
                      v[2] - (low[2] + high[2]) / 2};
    const float x = turn[0] * p[0] + turn[2] * p[2];
    const float z = turn[6] * p[0] + turn[8] * p[2];
    seen.insert(seen.end(), {x, -p[1], kCameraDistance - z});
  }
  return seen;
}

void copy_into(BgrImage& sheet, const BgrImage& tile, int column, int row) {
  for (int y = 0; y < tile.height; ++y) {
    const auto from = tile.pixels.begin() + static_cast<std::ptrdiff_t>(3) * y * tile.width;
    const auto to =
        sheet.pixels.begin() + static_cast<std::ptrdiff_t>(3) *
                                   ((row * tile.height + y) * sheet.width + column * tile.width);
    std::copy(from, from + static_cast<std::ptrdiff_t>(3) * tile.width, to);
  }
}

}  // namespace

const std::vector<NamedPose>& sheet_poses() {
  static const std::vector<NamedPose> kPoses = {
      {"T", {}},
      {"A", {{16, {0, 0, -40}}, {17, {0, 0, 40}}, {1, {0, 0, 6}}, {2, {0, 0, -6}}}},
      {"standing",
       {{13, {0, 0, -10}},
        {14, {0, 0, 10}},
        {16, {0, -8, -66}},
        {17, {0, 8, 66}},
        {18, {0, -18, 0}},
        {19, {0, 18, 0}}}},
      {"squat",
       {{0, {15, 0, 0}},
        {1, {-85, 0, 14}},
        {2, {-85, 0, -14}},
        {4, {95, 0, 0}},
        {5, {95, 0, 0}},
        {7, {-22, 0, 0}},
        {8, {-22, 0, 0}},
        {3, {10, 0, 0}},
        {16, {0, -75, 0}},
        {17, {0, 75, 0}}}},
      {"knees bent deep",
       {{0, {10, 0, 0}},
        {1, {-115, 0, 18}},
        {2, {-115, 0, -18}},
        {4, {138, 0, 0}},
        {5, {138, 0, 0}},
        {7, {-30, 0, 0}},
        {8, {-30, 0, 0}},
        {3, {20, 0, 0}},
        {13, {0, 0, -8}},
        {14, {0, 0, 8}},
        {16, {0, -50, -50}},
        {17, {0, 50, 50}},
        {18, {0, -100, 0}},
        {19, {0, 100, 0}}}},
      {"running",
       {{0, {8, 0, 0}},
        {1, {-65, 0, 2}},
        {2, {25, 0, -2}},
        {4, {80, 0, 0}},
        {5, {50, 0, 0}},
        {8, {15, 0, 0}},
        {6, {5, 12, 0}},
        {16, {35, 0, -70}},
        {17, {-45, 0, 70}},
        {18, {0, -85, 0}},
        {19, {0, 85, 0}}}},
      {"arms overhead",
       {{13, {0, 0, 25}},
        {14, {0, 0, -25}},
        {16, {0, 0, 62}},
        {17, {0, 0, -62}},
        {18, {0, 0, 8}},
        {19, {0, 0, -8}}}},
      {"snowboard",
       {{0, {20, 75, 0}},
        {1, {-70, -10, 20}},
        {2, {-70, 10, -20}},
        {4, {75, 0, 0}},
        {5, {75, 0, 0}},
        {7, {-20, 0, 0}},
        {8, {-20, 0, 0}},
        {3, {12, -18, 0}},
        {6, {8, -18, 0}},
        {9, {5, -15, 0}},
        {12, {-10, -25, 0}},
        {16, {0, -25, -25}},
        {17, {0, 30, 35}},
        {18, {0, -40, 0}},
        {19, {0, 50, 0}}}},
      {"sitting",
       {{1, {-88, 0, 5}},
        {2, {-88, 0, -5}},
        {4, {88, 0, 0}},
        {5, {88, 0, 0}},
        {13, {0, 0, -8}},
        {14, {0, 0, 8}},
        {16, {0, -25, -62}},
        {17, {0, 25, 62}},
        {18, {0, -60, 0}},
        {19, {0, 60, 0}}}},
      {"kicking",
       {{0, {-10, 0, 0}},
        {1, {-100, 0, 8}},
        {4, {10, 0, 0}},
        {7, {25, 0, 0}},
        {5, {12, 0, 0}},
        {3, {10, 0, 0}},
        {16, {0, 20, -35}},
        {17, {0, 55, 40}},
        {18, {0, -30, 0}},
        {19, {0, 60, 0}}}}};
  return kPoses;
}

BodyPose body_pose_of(const NamedPose& pose, const std::array<float, kBetaCount>& betas) {
  const Rotation identity = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  BodyPose result;
  result.betas = betas;
  result.global_orient = identity;
  result.body_pose.fill(identity);
  for (const JointTurn& turn : pose.turns) {
    const Rotation rotation = product(
        about(2, turn.degrees[2]), product(about(1, turn.degrees[1]), about(0, turn.degrees[0])));
    if (turn.joint == 0) {
      result.global_orient = rotation;
    } else {
      result.body_pose.at(static_cast<std::size_t>(turn.joint - 1)) = rotation;
    }
  }
  return result;
}

Status write_pose_sheet(const std::filesystem::path& png, const BodyData& body) {
  POSEFLEET_TRY(const std::shared_ptr<const BodyModel> model, BodyModel::make(body));
  const std::vector<std::uint32_t> faces(body.faces.begin(), body.faces.end());
  POSEFLEET_TRY(const MeshTopology topology,
                MeshTopology::create(faces, static_cast<std::size_t>(body.vertex_count())));
  POSEFLEET_TRY(Rasteriser rasteriser, Rasteriser::create({.samples = 16, .look = sheet_look()}));
  const std::vector<NamedPose>& poses = sheet_poses();
  BgrImage sheet;
  sheet.width = kTileWidth * static_cast<int>(poses.size());
  sheet.height = kTileHeight * static_cast<int>(kViewDegrees.size());
  sheet.pixels.resize(static_cast<std::size_t>(3) * static_cast<std::size_t>(sheet.width) *
                      static_cast<std::size_t>(sheet.height));
  for (std::size_t column = 0; column < poses.size(); ++column) {
    const PosedBody posed = model->pose(body_pose_of(poses[column], {}));
    for (std::size_t row = 0; row < kViewDegrees.size(); ++row) {
      const std::vector<float> vertices = seen_from(posed, kViewDegrees[row]);
      BgrImage tile = {kTileWidth, kTileHeight, {}};
      tile.pixels.assign(static_cast<std::size_t>(3 * kTileWidth * kTileHeight), kBackground);
      Mesh mesh;
      mesh.topology = &topology;
      mesh.vertices = vertices;
      POSEFLEET_TRY(
          const DrawReport report,
          rasteriser.draw(std::span(&mesh, 1), {kPixelsPerMetre * kCameraDistance},
                          BgrPicture{tile.pixels.data(), 3 * kTileWidth, kTileWidth, kTileHeight}));
      if (report.meshes_drawn != 1) return internal_error("the body's vertices are not finite");
      copy_into(sheet, tile, static_cast<int>(column), static_cast<int>(row));
    }
  }
  return write_png(png, sheet);
}

}  // namespace posefleet::training

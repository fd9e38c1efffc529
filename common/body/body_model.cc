#include "common/body/body_model.h"

#include <algorithm>
#include <cstring>

#include <Eigen/Core>

#include "common/body/kinematics.h"

namespace posefleet {
namespace {

// Sixteen coordinates: four SSE registers of running sums, enough to hide an addition's latency.
constexpr std::size_t kTileWidth = 16;
using Tile = Eigen::Array<float, kTileWidth, 1>;
using TileMap = Eigen::Map<const Tile, Eigen::Aligned16>;

constexpr std::size_t kFeatureCount = kBetaCount + kPoseFeatureCount;
using Features = std::array<float, kFeatureCount>;

// One row's entries that are not zero, as a range of a common list.
template <typename T>
struct SparseRows {
  struct Entry {
    std::uint32_t column;
    T value;
  };
  std::vector<std::uint32_t> starts;  // one more than rows
  std::vector<Entry> entries;

  std::span<const Entry> row(std::size_t i) const {
    return std::span(entries).subspan(starts[i], starts[i + 1] - starts[i]);
  }
};

// SMPL's weights have four entries of 24 in a row, its regressors some tens of 6,890.
SparseRows<float> sparse_of(const std::vector<float>& dense, std::size_t columns) {
  SparseRows<float> sparse;
  sparse.starts.push_back(0);
  for (std::size_t i = 0; i < dense.size(); ++i) {
    if (dense[i] != 0) {
      sparse.entries.push_back({static_cast<std::uint32_t>(i % columns), dense[i]});
    }
    if (i % columns == columns - 1) {
      sparse.starts.push_back(static_cast<std::uint32_t>(sparse.entries.size()));
    }
  }
  return sparse;
}

// Betas, then the rows of R - I of joints 1 to 23 (reference: hmr2.md section 6, step 3).
Features features_of(const BodyPose& pose) {
  Features features{};
  std::size_t at = 0;
  for (const float beta : pose.betas) features[at++] = beta;
  for (const Rotation& rotation : pose.body_pose) {
    for (std::size_t i = 0; i < 9; ++i) features[at++] = rotation[i] - (i % 4 == 0 ? 1.0f : 0.0f);
  }
  return features;
}

}  // namespace

struct BodyModel::Tables {
  std::int64_t vertex_count = 0;
  std::vector<std::array<std::int32_t, 3>> faces;
  std::vector<std::int64_t> parents;
  std::vector<std::int64_t> extra_vertex_ids;
  // Per tile: the rest pose's 16 coordinates, then the offsets of the features that move any of
  // them. Of SMPL's, nearly all do; a made body's elbow moves nothing but the arm, and what is not
  // there need not be read: this is a tenth of the table then, and of the time.
  std::vector<float, Eigen::aligned_allocator<float>> tiles;
  std::vector<std::uint8_t> tile_features;  // whose offsets they are, ascending in each tile
  std::vector<std::uint32_t> tile_starts;   // in tile_features; one more than tiles
  std::size_t tile_count = 0;
  // Joints are linear in the shape: J = rest_joints + joint_shapes * betas.
  std::array<std::array<double, 3>, kJointCount> rest_joints{};
  std::array<std::array<std::array<double, kBetaCount>, 3>, kJointCount> joint_shapes{};
  SparseRows<float> weights;  // a row a vertex
  SparseRows<float> extra_regressor;

  void add_tiles(const BodyData& body);
  void add_joints(const BodyData& body);
  std::array<std::array<double, 3>, kJointCount> shaped_joints(const BodyPose& pose) const;
  void shape_and_bend(std::size_t tile, const Features& features, std::vector<Point3>& out) const;
  void finish(const BodyPose& pose, PosedBody& body) const;
};

void BodyModel::Tables::add_tiles(const BodyData& body) {
  static_assert(kFeatureCount <= 256);
  const auto coordinates = static_cast<std::size_t>(vertex_count) * 3;
  tile_count = (coordinates + kTileWidth - 1) / kTileWidth;
  tile_starts.push_back(0);
  for (std::size_t tile = 0; tile < tile_count; ++tile) {
    const std::size_t first = tile * kTileWidth;
    const std::size_t count = std::min(kTileWidth, coordinates - first);
    // The last tile is filled up with zeros, which nothing reads.
    std::array<float, kTileWidth> row{};
    std::copy_n(body.v_template.begin() + static_cast<std::ptrdiff_t>(first), count, row.begin());
    tiles.insert(tiles.end(), row.begin(), row.end());
    for (std::size_t feature = 0; feature < kFeatureCount; ++feature) {
      bool moves = false;
      for (std::size_t i = 0; i < count; ++i) {
        row[i] = feature < kBetaCount
                     ? body.shapedirs[(first + i) * kBetaCount + feature]
                     : body.posedirs[(feature - kBetaCount) * coordinates + first + i];
        moves = moves || row[i] != 0;
      }
      if (!moves) continue;
      tile_features.push_back(static_cast<std::uint8_t>(feature));
      tiles.insert(tiles.end(), row.begin(), row.end());
    }
    tile_starts.push_back(static_cast<std::uint32_t>(tile_features.size()));
  }
}

void BodyModel::Tables::add_joints(const BodyData& body) {
  const auto vertices = static_cast<std::size_t>(vertex_count);
  for (std::size_t j = 0; j < kJointCount; ++j) {
    for (std::size_t v = 0; v < vertices; ++v) {
      const double share = body.joint_regressor[j * vertices + v];
      if (share == 0) continue;
      for (std::size_t k = 0; k < 3; ++k) {
        rest_joints[j][k] += share * body.v_template[v * 3 + k];
        for (std::size_t b = 0; b < kBetaCount; ++b) {
          joint_shapes[j][k][b] += share * body.shapedirs[(v * 3 + k) * kBetaCount + b];
        }
      }
    }
  }
}

std::array<std::array<double, 3>, kJointCount> BodyModel::Tables::shaped_joints(
    const BodyPose& pose) const {
  auto joints = rest_joints;
  for (std::size_t j = 0; j < kJointCount; ++j) {
    for (std::size_t k = 0; k < 3; ++k) {
      for (std::size_t b = 0; b < kBetaCount; ++b) {
        joints[j][k] += joint_shapes[j][k][b] * pose.betas[b];
      }
    }
  }
  return joints;
}

// The coordinates of one tile: rest pose, plus shape, plus pose offsets, in this order.
void BodyModel::Tables::shape_and_bend(std::size_t tile, const Features& features,
                                       std::vector<Point3>& out) const {
  const float* source = &tiles[(tile + tile_starts[tile]) * kTileWidth];
  Tile sum = TileMap(source);
  for (std::uint32_t i = tile_starts[tile]; i < tile_starts[tile + 1]; ++i) {
    source += kTileWidth;
    sum += features[tile_features[i]] * TileMap(source);
  }
  const std::size_t first = tile * kTileWidth;
  const std::size_t count = std::min(kTileWidth, out.size() * 3 - first);
  std::memcpy(out.front().data() + first, sum.data(), count * sizeof(float));
}

// The vertices hold the unposed surface before, the posed one after.
void BodyModel::Tables::finish(const BodyPose& pose, PosedBody& body) const {
  const auto rest = shaped_joints(pose);
  const PosedJoints posed = pose_joints(pose, rest, parents);
  for (std::size_t v = 0; v < body.vertices.size(); ++v) {
    SkinTransform blend{};
    for (const auto& entry : weights.row(v)) {
      const SkinTransform& skin = posed.skin[entry.column];
      for (std::size_t i = 0; i < blend.size(); ++i) blend[i] += entry.value * skin[i];
    }
    const auto [x, y, z] = body.vertices[v];
    for (std::size_t k = 0; k < 3; ++k) {
      const float* row = &blend[k * 4];
      body.vertices[v][k] = row[0] * x + row[1] * y + row[2] * z + row[3];
    }
  }
  std::copy(posed.joints.begin(), posed.joints.end(), body.joints45.begin());
  for (std::size_t i = 0; i < kExtraVertexCount; ++i) {
    body.joints45[kJointCount + i] = body.vertices[static_cast<std::size_t>(extra_vertex_ids[i])];
  }
  for (std::size_t i = 0; i < kMappedKeypointCount; ++i) {
    body.keypoints_3d[i] = body.joints45[static_cast<std::size_t>(kJointMap[i])];
  }
  for (std::size_t i = 0; i < kRegressedKeypointCount; ++i) {
    std::array<double, 3> sum{};
    for (const auto& entry : extra_regressor.row(i)) {
      for (std::size_t k = 0; k < 3; ++k) {
        sum[k] += static_cast<double>(entry.value) * body.vertices[entry.column][k];
      }
    }
    for (std::size_t k = 0; k < 3; ++k) {
      body.keypoints_3d[kMappedKeypointCount + i][k] = static_cast<float>(sum[k]);
    }
  }
}

BodyPose body_pose_of(const PersonPose& person) {
  return {
      .betas = person.betas, .global_orient = person.global_orient, .body_pose = person.body_pose};
}

BodyModel::BodyModel(std::unique_ptr<const Tables> tables) : tables_(std::move(tables)) {}
BodyModel::~BodyModel() = default;

Result<std::shared_ptr<const BodyModel>> BodyModel::load(
    const std::filesystem::path& body_safetensors) {
  POSEFLEET_TRY(BodyData body, read_body(body_safetensors));
  return make(std::move(body));
}

Result<std::shared_ptr<const BodyModel>> BodyModel::make(BodyData body) {
  POSEFLEET_TRY_DO(check_body(body));
  auto tables = std::make_unique<Tables>();
  tables->vertex_count = body.vertex_count();
  for (std::size_t i = 0; i < body.faces.size(); i += 3) {
    tables->faces.push_back({body.faces[i], body.faces[i + 1], body.faces[i + 2]});
  }
  tables->parents = body.parents;
  tables->extra_vertex_ids = body.extra_vertex_ids;
  tables->add_tiles(body);
  tables->add_joints(body);
  tables->weights = sparse_of(body.weights, kJointCount);
  tables->extra_regressor =
      sparse_of(body.joint_regressor_extra, static_cast<std::size_t>(body.vertex_count()));
  return std::shared_ptr<const BodyModel>(new BodyModel(std::move(tables)));
}

std::int64_t BodyModel::vertex_count() const {
  return tables_->vertex_count;
}

std::span<const std::array<std::int32_t, 3>> BodyModel::faces() const {
  return tables_->faces;
}

PosedBody BodyModel::pose(const BodyPose& pose) const {
  return std::move(pose_many({&pose, 1}).front());
}

std::vector<PosedBody> BodyModel::pose_many(std::span<const BodyPose> poses) const {
  std::vector<PosedBody> bodies(poses.size());
  std::vector<Features> features;
  for (std::size_t i = 0; i < poses.size(); ++i) {
    features.push_back(features_of(poses[i]));
    bodies[i].vertices.resize(static_cast<std::size_t>(tables_->vertex_count));
  }
  for (std::size_t tile = 0; tile < tables_->tile_count; ++tile) {
    for (std::size_t i = 0; i < poses.size(); ++i) {
      tables_->shape_and_bend(tile, features[i], bodies[i].vertices);
    }
  }
  for (std::size_t i = 0; i < poses.size(); ++i) tables_->finish(poses[i], bodies[i]);
  return bodies;
}

}  // namespace posefleet

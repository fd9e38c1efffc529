#include "training/body/free_body.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

#include "common/base/check.h"
#include "common/body/joints.h"
#include "training/body/anatomy.h"
#include "training/body/half_mesh.h"
#include "training/body/regions.h"
#include "training/body/regressor.h"
#include "training/body/shape.h"
#include "training/body/skeleton.h"
#include "training/body/skin.h"

namespace posefleet::training {
namespace {

// Finer than the gaps between the fingers at the middle of their length.
constexpr double kContourStep = 0.0055;

struct Skinned {
  WholeMesh whole;
  std::vector<SkinWeights> weights;
  std::vector<Vec> normals;
};

std::vector<Vec> normals_of(const Mesh& mesh) {
  std::vector<Vec> normals(mesh.points.size());
  const auto point = [&](std::int32_t v) { return mesh.points[static_cast<std::size_t>(v)]; };
  for (const Face& face : mesh.faces) {
    const Vec normal = cross(point(face[1]) - point(face[0]), point(face[2]) - point(face[0]));
    for (const std::int32_t v : face) {
      normals[static_cast<std::size_t>(v)] = normals[static_cast<std::size_t>(v)] + normal;
    }
  }
  for (Vec& normal : normals) normal = unit(normal);
  return normals;
}

Skinned make_skin() {
  const BodyField field;
  Skinned skin;
  skin.whole = with_mirror_image(remesh_half(field, contour_half(field, kContourStep)));
  skin.weights = skin_weights(skin.whole);
  skin.normals = normals_of(skin.whole.mesh);
  return skin;
}

void add_row(std::vector<float>& rows, const std::vector<double>& weights) {
  for (const double weight : weights) rows.push_back(static_cast<float>(weight));
}

// How a ring of skin around a joint counts: near the joint's plane across the limb, and not on
// another limb.
std::vector<double> ring_around(const std::vector<Vec>& points, const Vec& joint, const Vec& axis,
                                double half_width, double reach) {
  return mean_weights(points, joint, [&](const Vec& point) {
    const Vec d = point - joint;
    const double along = dot(d, axis);
    return bump(std::abs(along), half_width) * bump(length(d), reach);
  });
}

// Where a joint's ring lies: the direction of its limb, and how far along it and in all it reaches.
struct Ring {
  std::size_t joint;
  Vec axis;
  double half_width, reach;  // metres
};

constexpr Vec kX = {1, 0, 0}, kY = {0, 1, 0}, kZ = {0, 0, 1};

// The middle and the left; the right follows from the left.
constexpr std::array<Ring, 15> kRings = {{
    {0, kY, 0.05, 0.3},
    {3, kY, 0.05, 0.3},
    {6, kY, 0.05, 0.3},
    {9, kY, 0.05, 0.3},
    {12, kY, 0.04, 0.15},
    {15, kY, 0.05, 0.16},
    {1, kY, 0.07, 0.18},
    {4, kY, 0.035, 0.12},
    {7, kY, 0.035, 0.12},
    {10, kZ, 0.03, 0.1},
    {13, kX, 0.06, 0.2},
    {16, kX, 0.05, 0.12},
    {18, kX, 0.03, 0.08},
    {20, kX, 0.03, 0.08},
    {22, kX, 0.03, 0.08},
}};

bool is_in_middle(std::size_t joint) {
  return kRestJoints[joint].x == 0;
}

// J_regressor's rows.
std::vector<std::vector<double>> joint_rows(const WholeMesh& whole) {
  const std::vector<Vec>& points = whole.mesh.points;
  std::vector<std::vector<double>> rows(kJointCount);
  for (const Ring& ring : kRings) {
    rows[ring.joint] =
        ring_around(points, kRestJoints[ring.joint], ring.axis, ring.half_width, ring.reach);
    if (is_in_middle(ring.joint)) continue;
    std::vector<double>& right = rows[ring.joint + 1];
    right.resize(points.size());
    for (std::size_t v = 0; v < points.size(); ++v) {
      right[static_cast<std::size_t>(whole.twin[v])] = rows[ring.joint][v];
    }
  }
  return rows;
}

// Keypoints 25 to 43: a joint where there is one, else a place of its own.
constexpr std::array<int, kRegressedKeypointCount> kKeypointJoints = {
    8, 5, 2, 1, 4, 7, 21, 19, 17, 16, 18, 20, 12, -1, 0, -1, -1, -1, -1};

Vec keypoint_place(std::size_t keypoint) {
  switch (keypoint) {
    case 13:
      return {0, kCrown - 0.012, -0.01};  // top of the head: the mean of a cap of skin
    case 15:
      return {0, 0.225, -0.015};  // thorax: between the shoulders
    case 16:
      return {0, -0.005, -0.01};  // spine: half-way from the pelvis to the thorax
    case 17:
      return {0, 0.395, 0.075};  // jaw
    default:
      return {0, 0.465, 0.0};  // head: its middle
  }
}

std::vector<double> keypoint_weights(const std::vector<Vec>& points, std::size_t keypoint) {
  const Vec place = keypoint_place(keypoint);
  if (keypoint == 13) return ring_around(points, place, kY, 0.06, 0.1);
  if (keypoint == 17) return ring_around(points, place, kY, 0.04, 0.08);
  if (keypoint == 18) return ring_around(points, place, kY, 0.08, 0.2);
  return ring_around(points, place, kY, 0.06, 0.25);
}

std::int64_t nearest_vertex(const std::vector<Vec>& points, const Vec& place) {
  std::size_t best = 0;
  double least = std::numeric_limits<double>::max();
  for (std::size_t v = 0; v < points.size(); ++v) {
    const double distance = length(points[v] - place);
    if (distance < least) {
      least = distance;
      best = v;
    }
  }
  return static_cast<std::int64_t>(best);
}

// The vertices of joints45[24..44]. Those of the right side are the left ones' twins, so that both
// stand for the same place of the body.
std::vector<std::int64_t> extra_vertices(const WholeMesh& whole) {
  const auto find = [&](const Vec& place) { return nearest_vertex(whole.mesh.points, place); };
  const auto twin = [&](std::int64_t v) {
    return static_cast<std::int64_t>(whole.twin[static_cast<std::size_t>(v)]);
  };
  const std::int64_t eye = find({0.032, 0.454, 0.085}), ear = find({0.088, 0.445, -0.012});
  std::vector<std::int64_t> ids = {find({0, 0.421, 0.118}), twin(eye), eye, twin(ear), ear};
  const std::vector<std::int64_t> foot = {find(toe_tip(0)), find(toe_tip(kFingerCount - 1)),
                                          find({0.094, -1.125, -0.082})};
  std::vector<std::int64_t> hand;
  for (int finger = 0; finger < kFingerCount; ++finger) hand.push_back(find(finger_tip(finger)));
  for (const auto& limb : {foot, hand}) {
    ids.insert(ids.end(), limb.begin(), limb.end());
    for (const std::int64_t v : limb) ids.push_back(twin(v));
  }
  return ids;
}

// Fills the sag of skin between two bones.
//
// Skinning takes the straight mean of both bones' turns, which is shorter than a turn half-way: a
// bent knee thins, a twisted forearm pinches. For a point q from a joint, with weight w beyond it,
// the difference from the true half-way turn is, to second order in the angle,
// -w (1 - w) (S - I) q, where S = (R + R^T) / 2; and that is linear in R - I, the pose feature. So
// the correction needs no examples. Larger angles need more than second order: kGain.
std::vector<float> pose_offsets(const Skinned& skin) {
  constexpr double kGain = 1.3;
  const std::size_t count = skin.whole.mesh.points.size();
  std::vector<float> offsets(static_cast<std::size_t>(kPoseFeatureCount) * 3 * count, 0.0f);
  for (std::size_t v = 0; v < count; ++v) {
    SkinWeights beyond = skin.weights[v];
    for (std::size_t joint = kJointCount - 1; joint > 0; --joint) {
      beyond[static_cast<std::size_t>(kJointParents[joint])] += beyond[joint];
    }
    for (std::size_t joint = 1; joint < kJointCount; ++joint) {
      const double w = std::clamp(beyond[joint], 0.0, 1.0);
      if (w * (1 - w) < 1e-6) continue;
      const Vec d = skin.whole.mesh.points[v] - kRestJoints[joint];
      const std::array<double, 3> q = {d.x, d.y, d.z};
      for (std::size_t row = 0; row < 3; ++row) {
        for (std::size_t column = 0; column < 3; ++column) {
          const std::size_t feature = (joint - 1) * 9 + row * 3 + column;
          float* at = &offsets[feature * 3 * count + 3 * v];
          at[row] -= static_cast<float>(kGain * w * (1 - w) * 0.5 * q[column]);
          at[column] -= static_cast<float>(kGain * w * (1 - w) * 0.5 * q[row]);
        }
      }
    }
  }
  return offsets;
}

BodyData make_data(const Skinned& skin) {
  const std::vector<Vec>& points = skin.whole.mesh.points;
  BodyData body;
  for (const Vec& point : points) {
    for (const double value : {point.x, point.y, point.z}) {
      body.v_template.push_back(static_cast<float>(value));
    }
  }
  for (const Face& face : skin.whole.mesh.faces) {
    body.faces.insert(body.faces.end(), face.begin(), face.end());
  }
  body.shapedirs.resize(points.size() * 3 * kShapeDirectionCount);
  for (std::size_t beta = 0; beta < kShapeDirectionCount; ++beta) {
    const std::vector<Vec> offsets =
        shape_offsets(static_cast<ShapeDirection>(beta), skin.whole, skin.weights, skin.normals);
    for (std::size_t v = 0; v < points.size(); ++v) {
      float* at = &body.shapedirs[v * 3 * kShapeDirectionCount + beta];
      at[0] = static_cast<float>(offsets[v].x);
      at[kShapeDirectionCount] = static_cast<float>(offsets[v].y);
      at[2 * kShapeDirectionCount] = static_cast<float>(offsets[v].z);
    }
  }
  body.posedirs = pose_offsets(skin);
  for (const SkinWeights& weights : skin.weights) {
    for (const double weight : weights) body.weights.push_back(static_cast<float>(weight));
  }
  for (const std::int32_t parent : kJointParents) body.parents.push_back(parent);
  const std::vector<std::vector<double>> joints = joint_rows(skin.whole);
  for (const std::vector<double>& row : joints) add_row(body.joint_regressor, row);
  for (std::size_t keypoint = 0; keypoint < kRegressedKeypointCount; ++keypoint) {
    const int joint = kKeypointJoints[keypoint];
    add_row(body.joint_regressor_extra, joint >= 0 ? joints[static_cast<std::size_t>(joint)]
                                                   : keypoint_weights(points, keypoint));
  }
  body.extra_vertex_ids = extra_vertices(skin.whole);
  return body;
}

}  // namespace

FreeBody build_free_body() {
  const Skinned skin = make_skin();
  FreeBody body;
  body.data = make_data(skin);
  body.vertices = vertex_regions(skin.whole);
  body.faces = face_regions(skin.whole.mesh.faces, body.vertices);
  // The formulas have no input, so this holds always or never.
  POSEFLEET_CHECK(check_body(body.data).has_value());
  return body;
}

BodyData make_free_body() {
  return build_free_body().data;
}

}  // namespace posefleet::training

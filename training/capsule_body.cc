#include "training/capsule_body.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "common/protocol/poses.h"

namespace posefleet::training {
namespace {

using Vec = std::array<double, 3>;

constexpr int kParents[kJointCount] = {-1, 0, 0, 0,  1,  2,  3,  4,  5,  6,  7,  8,
                                       9,  9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21};

// Rest places of the joints, metres: an adult of average proportions.
constexpr Vec kJoints[kJointCount] = {
    {0, 0.05, 0},          {0.09, -0.03, 0},     {-0.09, -0.03, 0},   {0, 0.16, -0.01},
    {0.10, -0.43, 0.01},   {-0.10, -0.43, 0.01}, {0, 0.29, -0.01},    {0.10, -0.82, -0.01},
    {-0.10, -0.82, -0.01}, {0, 0.37, 0},         {0.11, -0.86, 0.11}, {-0.11, -0.86, 0.11},
    {0, 0.58, 0},          {0.07, 0.50, 0},      {-0.07, 0.50, 0},    {0, 0.66, 0.02},
    {0.18, 0.52, 0},       {-0.18, 0.52, 0},     {0.44, 0.52, 0},     {-0.44, 0.52, 0},
    {0.69, 0.52, 0},       {-0.69, 0.52, 0},     {0.76, 0.52, 0},     {-0.76, 0.52, 0}};

// A capsule from one place to another that follows `joint`.
struct Part {
  int joint;
  int next;  // the joint at its other end; -1 for none
  Vec from, to;
  double radius_from, radius_to;
};

constexpr int kAround = 16;  // vertices of a ring
constexpr int kRings = 9;    // along the bone, ends included
constexpr int kCap = 3;      // rings of each rounded end

Vec operator+(Vec a, Vec b) {
  return {a[0] + b[0], a[1] + b[1], a[2] + b[2]};
}
Vec operator-(Vec a, Vec b) {
  return {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
}
Vec operator*(Vec a, double s) {
  return {a[0] * s, a[1] * s, a[2] * s};
}
double length(Vec a) {
  return std::sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2]);
}
Vec unit(Vec a) {
  return a * (1 / length(a));
}
Vec cross(Vec a, Vec b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

std::vector<Part> make_parts() {
  // Radii at the two ends of the bone that ends in each joint.
  constexpr double kRadii[kJointCount][2] = {
      {0, 0},         {0.12, 0.10},   {0.12, 0.10},  {0.13, 0.13},  {0.085, 0.06},  {0.085, 0.06},
      {0.13, 0.14},   {0.06, 0.04},   {0.06, 0.04},  {0.14, 0.14},  {0.045, 0.035}, {0.045, 0.035},
      {0.10, 0.06},   {0.10, 0.08},   {0.10, 0.08},  {0.055, 0.06}, {0.07, 0.065},  {0.07, 0.065},
      {0.055, 0.045}, {0.055, 0.045}, {0.043, 0.03}, {0.043, 0.03}, {0.035, 0.035}, {0.035, 0.035}};
  std::vector<Part> parts;
  for (int joint = 1; joint < kJointCount; ++joint) {
    const int parent = kParents[joint];
    parts.push_back(
        {parent, joint, kJoints[parent], kJoints[joint], kRadii[joint][0], kRadii[joint][1]});
  }
  parts.push_back({15, -1, kJoints[15], kJoints[15] + Vec{0, 0.11, 0.01}, 0.085, 0.09});
  for (const int side : {0, 1}) {
    const double sign = side == 0 ? 1 : -1;
    parts.push_back(
        {10 + side, -1, kJoints[10 + side], kJoints[10 + side] + Vec{0, 0, 0.06}, 0.035, 0.03});
    parts.push_back({22 + side, -1, kJoints[22 + side], kJoints[22 + side] + Vec{sign * 0.09, 0, 0},
                     0.035, 0.02});
  }
  return parts;
}

class Builder final {
 public:
  void add(const Part& part) {
    const Vec axis = part.to - part.from;
    const Vec along = unit(axis);
    const Vec side = unit(cross(along, std::abs(along[1]) < 0.9 ? Vec{0, 1, 0} : Vec{0, 0, 1}));
    const Vec other = cross(along, side);
    const int first = count();
    const int rings = kRings + 2 * kCap;
    add_vertex(part, part.from - along * part.radius_from, along * -1.0, 0);
    for (int ring = 0; ring < rings; ++ring) {
      // Along the bone in 0..1, and how far around the rounded ends.
      const double t = std::clamp((ring - kCap) / double(kRings - 1), 0.0, 1.0);
      double bend = 0;
      if (ring < kCap) bend = -(kCap - ring) / double(kCap + 1);
      if (ring >= kCap + kRings) bend = (ring - kCap - kRings + 1) / double(kCap + 1);
      const double radius = part.radius_from + t * (part.radius_to - part.radius_from);
      const double angle = bend * std::numbers::pi / 2;
      const Vec center = part.from + axis * t + along * (std::sin(angle) * radius);
      for (int i = 0; i < kAround; ++i) {
        const double turn = 2 * std::numbers::pi * i / kAround;
        const Vec out = side * std::cos(turn) + other * std::sin(turn);
        add_vertex(part, center + out * (radius * std::cos(angle)), out, t);
      }
    }
    add_vertex(part, part.to + along * part.radius_to, along, 1);
    if (joint_ring_[part.joint] < 0) joint_ring_[part.joint] = first + 1 + kCap * kAround;
    add_faces(first, rings);
  }

  BodyData finish();

 private:
  int count() const { return static_cast<int>(body_.v_template.size() / 3); }

  void add_vertex(const Part& part, const Vec& place, const Vec& out, double t) {
    for (const double value : place) body_.v_template.push_back(static_cast<float>(value));
    // Betas: overall size, stoutness; the other eight do nothing.
    for (int axis = 0; axis < 3; ++axis) {
      for (int beta = 0; beta < kBetaCount; ++beta) {
        const double offset = beta == 0 ? 0.04 * place[axis] : beta == 1 ? 0.012 * out[axis] : 0;
        body_.shapedirs.push_back(static_cast<float>(offset));
      }
    }
    std::array<float, kJointCount> weights{};
    // Near its ends the skin follows the neighbour half-way, so that bends are round.
    const int parent = kParents[part.joint];
    const double to_parent = parent < 0 ? 0 : 0.5 * std::max(0.0, 1 - t / 0.25);
    const double to_next = part.next < 0 ? 0 : 0.5 * std::max(0.0, (t - 0.75) / 0.25);
    if (parent >= 0) weights[parent] += static_cast<float>(to_parent);
    if (part.next >= 0) weights[part.next] += static_cast<float>(to_next);
    weights[part.joint] += static_cast<float>(1 - to_parent - to_next);
    body_.weights.insert(body_.weights.end(), weights.begin(), weights.end());
  }

  void add_faces(int first, int rings) {
    const auto face = [&](int a, int b, int c) {
      for (const int vertex : {a, b, c}) body_.faces.push_back(vertex);
    };
    const auto at = [&](int ring, int i) { return first + 1 + ring * kAround + i % kAround; };
    const int last = first + 1 + rings * kAround;
    for (int i = 0; i < kAround; ++i) {
      face(first, at(0, i + 1), at(0, i));
      for (int ring = 0; ring + 1 < rings; ++ring) {
        face(at(ring, i), at(ring, i + 1), at(ring + 1, i));
        face(at(ring, i + 1), at(ring + 1, i + 1), at(ring + 1, i));
      }
      face(at(rings - 1, i), at(rings - 1, i + 1), last);
    }
  }

  int nearest(const Vec& place) const {
    int best = 0;
    double best_distance = std::numeric_limits<double>::max();
    for (int v = 0; v < count(); ++v) {
      const Vec at = {body_.v_template[3 * v], body_.v_template[3 * v + 1],
                      body_.v_template[3 * v + 2]};
      const double distance = length(at - place);
      if (distance < best_distance) {
        best_distance = distance;
        best = v;
      }
    }
    return best;
  }

  BodyData body_;
  std::array<int, kJointCount> joint_ring_ = [] {
    std::array<int, kJointCount> none;
    none.fill(-1);
    return none;
  }();
};

BodyData Builder::finish() {
  const auto vertices = static_cast<std::size_t>(count());
  body_.posedirs.assign(static_cast<std::size_t>(kPoseFeatureCount) * 3 * vertices, 0);
  // A joint is the middle of the ring of vertices around it.
  body_.joint_regressor.assign(kJointCount * vertices, 0);
  for (std::size_t joint = 0; joint < kJointCount; ++joint) {
    for (int i = 0; i < kAround; ++i) {
      body_.joint_regressor[joint * vertices + static_cast<std::size_t>(joint_ring_[joint] + i)] =
          1.0f / kAround;
    }
  }
  for (const int parent : kParents) body_.parents.push_back(parent);
  // Nose, right eye, left eye, right ear, left ear, then toes and heels of the left and the right
  // foot, then the fingertips from thumb to little finger of the left and the right hand.
  const Vec head = kJoints[15];
  std::vector<Vec> places = {head + Vec{0, 0.05, 0.12}, head + Vec{-0.03, 0.08, 0.1},
                             head + Vec{0.03, 0.08, 0.1}, head + Vec{-0.1, 0.05, 0},
                             head + Vec{0.1, 0.05, 0}};
  for (const int side : {0, 1}) {
    const double sign = side == 0 ? 1 : -1;
    const Vec foot = kJoints[10 + side];
    places.push_back(foot + Vec{-0.02 * sign, 0, 0.1});
    places.push_back(foot + Vec{0.03 * sign, 0, 0.08});
    places.push_back(kJoints[7 + side] + Vec{0, -0.04, -0.05});
  }
  for (const int side : {0, 1}) {
    const double sign = side == 0 ? 1 : -1;
    for (int finger = 0; finger < 5; ++finger) {
      places.push_back(kJoints[22 + side] + Vec{sign * 0.11, 0, 0.03 - 0.015 * finger});
    }
  }
  for (const Vec& place : places) body_.extra_vertex_ids.push_back(nearest(place));
  // Keypoints 25 to 43: joints where there is one, else the nearest vertex.
  constexpr int kTopOfHead = -1;
  constexpr int kFrom[] = {8,  5,  2,  1,          4, 7, 21, 19, 17, 16,
                           18, 20, 12, kTopOfHead, 0, 9, 6,  15, 15};
  body_.joint_regressor_extra.assign(std::size(kFrom) * vertices, 0);
  for (std::size_t row = 0; row < std::size(kFrom); ++row) {
    if (kFrom[row] == kTopOfHead) {
      const auto top = static_cast<std::size_t>(nearest(head + Vec{0, 0.3, 0}));
      body_.joint_regressor_extra[row * vertices + top] = 1;
      continue;
    }
    const auto from = body_.joint_regressor.begin() +
                      static_cast<std::ptrdiff_t>(static_cast<std::size_t>(kFrom[row]) * vertices);
    std::copy(from, from + static_cast<std::ptrdiff_t>(vertices),
              body_.joint_regressor_extra.begin() + static_cast<std::ptrdiff_t>(row * vertices));
  }
  return std::move(body_);
}

}  // namespace

BodyData make_capsule_body() {
  Builder builder;
  for (const Part& part : make_parts()) builder.add(part);
  return builder.finish();
}

}  // namespace posefleet::training

#include "training/body/skin.h"

#include <algorithm>
#include <cstddef>

#include "common/body/joints.h"
#include "training/body/skeleton.h"

namespace posefleet::training {
namespace {

// The left half's joints, and those in the middle.
enum Joint : std::size_t {
  kPelvis = 0,
  kHip = 1,
  kSpine1 = 3,
  kKnee = 4,
  kSpine2 = 6,
  kAnkle = 7,
  kSpine3 = 9,
  kFoot = 10,
  kNeck = 12,
  kCollar = 13,
  kHead = 15,
  kShoulder = 16,
  kElbow = 18,
  kWrist = 20,
  kHand = 22
};

// How far a place lies beyond the plane through `middle`: 0 to 1 over twice `half_width`.
double beyond(const Vec& place, const Vec& middle, const Vec& direction, double half_width) {
  return smooth_step(-half_width, half_width, dot(place - middle, unit(direction)));
}

// What turns with each joint of the left half, its children included. `place` may be on either
// side: of a place on the right, the left leg gets what crosses the middle.
void add_left_limbs(const Vec& p, double trunk_low, double chest, double neck,
                    std::array<double, kJointCount>& turning) {
  // Only in the crotch do both legs share the skin; the inner thighs below must not.
  const double crotch = smooth_step(-0.46, -0.375, p.y);
  const double share = 0.004 + 0.042 * crotch;
  const double side = smooth_step(-share, share, p.x);
  turning[kHip] = trunk_low * side * beyond(p, {0.085, -0.335, 0}, {0.35, -1, 0.05}, 0.085);
  turning[kKnee] = turning[kHip] * beyond(p, {0.1, -0.69, 0}, {0, -1, 0}, 0.06);
  turning[kAnkle] = turning[kKnee] * beyond(p, {0.095, -1.082, -0.015}, {0, -1, 0.25}, 0.032);
  turning[kFoot] = turning[kAnkle] * beyond(p, {0.108, -1.13, 0.108}, {0.12, 0, 1}, 0.034);

  const double high = smooth_step(0.02, 0.17, p.y);
  turning[kCollar] = chest * (1 - neck) * high * smooth_step(0.02, 0.13, p.x);
  turning[kShoulder] = turning[kCollar] * beyond(p, {0.168, 0.212, -0.018}, {1, 0.28, 0}, 0.068);
  turning[kElbow] = turning[kShoulder] * beyond(p, {0.435, 0.22, -0.03}, {1, 0, 0}, 0.05);
  turning[kWrist] = turning[kElbow] * beyond(p, {0.69, 0.22, -0.02}, {1, 0, 0}, 0.034);
  turning[kHand] = turning[kWrist] * beyond(p, {0.775, 0.217, -0.02}, {1, 0, 0}, 0.022);
}

}  // namespace

SkinWeights skin_weights_at(const Vec& place) {
  std::array<double, kJointCount> turning{};
  turning[kPelvis] = 1;
  turning[kSpine1] = beyond(place, {0, -0.115, 0}, {0, 1, 0}, 0.08);
  turning[kSpine2] = turning[kSpine1] * beyond(place, {0, 0.005, 0}, {0, 1, 0}, 0.07);
  turning[kSpine3] = turning[kSpine2] * beyond(place, {0, 0.085, 0}, {0, 1, 0}, 0.06);
  const double aside = place.x * place.x;
  const double neck = beyond(place, {0, 0.285, -0.01}, {0, 1, 0.25}, 0.045) *
                      smooth_step(0.13 * 0.13, 0.06 * 0.06, aside);
  turning[kNeck] = turning[kSpine3] * neck;
  turning[kHead] = turning[kNeck] * beyond(place, {0, 0.352, 0.0}, {0, 1, 0.55}, 0.032);

  const double trunk_low = 1 - turning[kSpine1];
  add_left_limbs(place, trunk_low, turning[kSpine3], neck, turning);
  std::array<double, kJointCount> other{};
  add_left_limbs(mirrored(place), trunk_low, turning[kSpine3], neck, other);
  for (const std::size_t left :
       {kHip, kKnee, kAnkle, kFoot, kCollar, kShoulder, kElbow, kWrist, kHand}) {
    turning[left + 1] = other[left];
  }
  SkinWeights weights = turning;
  for (std::size_t joint = 1; joint < kJointCount; ++joint) {
    weights[static_cast<std::size_t>(kJointParents[joint])] -= turning[joint];
  }
  return weights;
}

std::vector<SkinWeights> skin_weights(const WholeMesh& whole) {
  const std::size_t count = whole.mesh.points.size();
  std::vector<SkinWeights> weights(count);
  for (std::size_t v = 0; v < count; ++v) weights[v] = skin_weights_at(whole.mesh.points[v]);
  // Rounds of taking on a part of the neighbours' mean. Each edge is seen once from either side.
  constexpr int kRounds = 4;
  constexpr double kPart = 0.5;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<SkinWeights> sum(count, SkinWeights{});
    std::vector<double> edges(count, 0);
    for (const Face& face : whole.mesh.faces) {
      for (std::size_t i = 0; i < 3; ++i) {
        const auto from = static_cast<std::size_t>(face[i]);
        const auto to = static_cast<std::size_t>(face[(i + 1) % 3]);
        for (std::size_t j = 0; j < kJointCount; ++j) sum[to][j] += weights[from][j];
        edges[to] += 1;
      }
    }
    for (std::size_t v = 0; v < count; ++v) {
      for (std::size_t j = 0; j < kJointCount; ++j) {
        weights[v][j] += kPart * (sum[v][j] / edges[v] - weights[v][j]);
      }
    }
  }
  return weights;
}

}  // namespace posefleet::training

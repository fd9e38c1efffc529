#include "training/footage/stance.h"

#include <algorithm>
#include <cstddef>

#include "common/body/joints.h"

namespace posefleet::training {
namespace {

// Joint numbers of the left side; the right ones follow each.
constexpr int kHip = 1, kKnee = 4, kAnkle = 7, kCollar = 13, kShoulder = 16, kElbow = 18,
              kWrist = 20;
constexpr int kNeck = 12, kHead = 15;
constexpr std::array kSpine = {3, 6, 9};

std::array<Point3, kJointCount> rest_joints(const BodyData& body) {
  const auto vertices = static_cast<std::size_t>(body.vertex_count());
  std::array<Point3, kJointCount> joints{};
  for (std::size_t j = 0; j < kJointCount; ++j) {
    for (std::size_t v = 0; v < vertices; ++v) {
      const float share = body.joint_regressor[j * vertices + v];
      for (std::size_t k = 0; k < 3; ++k) joints[j][k] += share * body.v_template[3 * v + k];
    }
  }
  return joints;
}

// Of all turns that bring "down" into the direction, the one that keeps the front in front.
Rotation hanging_to(const Point3& direction) {
  const Point3 down = unit(direction);
  const Point3 front = unit(Point3{0, 0, 1} - down * down[2]);
  const Point3 up = down * -1.0f;
  return columns(cross(up, front), up, front);
}

struct ArmTurns {
  Rotation collar, shoulder, elbow, wrist;
};
struct LegTurns {
  Rotation hip, knee, ankle;
};

}  // namespace

std::array<float, Stance::kAngleCount> Stance::angles() const {
  std::array<float, kAngleCount> a = {bend, side, twist, nod, tilt, look};
  std::size_t at = 6;
  for (const ArmAngles& arm : arms) {
    for (const float value :
         {arm.swing, arm.spread, arm.twist, arm.elbow, arm.roll, arm.wrist, arm.lift}) {
      a[at++] = value;
    }
  }
  for (const LegAngles& leg : legs) {
    for (const float value : {leg.flex, leg.spread, leg.twist, leg.knee, leg.ankle}) {
      a[at++] = value;
    }
  }
  return a;
}

void Stance::set_angles(const std::array<float, kAngleCount>& a) {
  bend = a[0], side = a[1], twist = a[2], nod = a[3], tilt = a[4], look = a[5];
  std::size_t at = 6;
  for (ArmAngles& arm : arms) {
    arm = {a[at], a[at + 1], a[at + 2], a[at + 3], a[at + 4], a[at + 5], a[at + 6]};
    at += 7;
  }
  for (LegAngles& leg : legs) {
    leg = {a[at], a[at + 1], a[at + 2], a[at + 3], a[at + 4]};
    at += 5;
  }
}

const std::array<AngleRange, Stance::kAngleCount>& angle_ranges() {
  static constexpr std::array<AngleRange, Stance::kAngleCount> kRanges = {{
      {-30, 90},  {-35, 35},  {-60, 60},                                            // trunk
      {-45, 50},  {-30, 30},  {-75, 75},                                            // head
      {-50, 180}, {-35, 170}, {-70, 90}, {0, 145}, {-80, 80}, {-60, 70}, {-8, 30},  // left arm
      {-50, 180}, {-35, 170}, {-70, 90}, {0, 145}, {-80, 80}, {-60, 70}, {-8, 30},  // right arm
      {-25, 125}, {-20, 55},  {-30, 50}, {0, 145}, {-45, 30},                       // left leg
      {-25, 125}, {-20, 55},  {-30, 50}, {0, 145}, {-45, 30},                       // right leg
  }};
  return kRanges;
}

Stance limited(const Stance& stance) {
  auto angles = stance.angles();
  const auto& ranges = angle_ranges();
  for (std::size_t i = 0; i < angles.size(); ++i) {
    angles[i] = std::clamp(angles[i], ranges[i].low, ranges[i].high);
  }
  Stance result = stance;
  result.set_angles(angles);
  return result;
}

Stance mixed(const Stance& a, const Stance& b, float t) {
  auto angles = a.angles();
  const auto others = b.angles();
  for (std::size_t i = 0; i < angles.size(); ++i) angles[i] = mix(angles[i], others[i], t);
  Stance result;
  result.set_angles(angles);
  result.fall_front = mix(a.fall_front, b.fall_front, t);
  result.fall_left = mix(a.fall_left, b.fall_left, t);
  result.heading = mix(a.heading, b.heading, t);
  result.height = mix(a.height, b.height, t);
  return result;
}

Stance mirrored(const Stance& stance) {
  Stance result = stance;
  for (float* value : {&result.side, &result.twist, &result.tilt, &result.look, &result.fall_left,
                       &result.heading}) {
    *value = -*value;
  }
  std::swap(result.arms[kLeft], result.arms[kRight]);
  std::swap(result.legs[kLeft], result.legs[kRight]);
  return result;
}

void plant(LegAngles& leg, float lean, float shin) {
  leg.knee = leg.flex - lean + shin;
  leg.ankle = shin;
}

Poser::Poser(const BodyData& body) {
  const std::array<Point3, kJointCount> joints = rest_joints(body);
  for (int side = 0; side < 2; ++side) {
    // The right limbs are looked at in the mirror, so that one set of formulas serves both.
    const auto direction = [&](int from, int to) {
      Point3 d = joints[static_cast<std::size_t>(to + side)] -
                 joints[static_cast<std::size_t>(from + side)];
      if (side == kRight) d[0] = -d[0];
      return hanging_to(d);
    };
    rest_[static_cast<std::size_t>(side)] = {direction(kShoulder, kElbow),
                                             direction(kElbow, kWrist), direction(kHip, kKnee),
                                             direction(kKnee, kAnkle)};
  }
}

BodyPose Poser::pose(const Stance& asked, const Rotation& to_camera) const {
  const Stance stance = limited(asked);
  BodyPose pose;
  pose.body_pose.fill(kNoTurn);
  const auto joint = [&pose](int number) -> Rotation& {
    return pose.body_pose[static_cast<std::size_t>(number - 1)];
  };
  for (const int number : kSpine) {
    joint(number) = turn_y(stance.twist / 3) * turn_z(-stance.side / 3) * turn_x(stance.bend / 3);
  }
  for (const int number : {kNeck, kHead}) {
    joint(number) = turn_y(stance.look / 2) * turn_z(-stance.tilt / 2) * turn_x(stance.nod / 2);
  }
  for (std::size_t side = 0; side < 2; ++side) {
    const RestLimbs& rest = rest_[side];
    const ArmAngles& a = stance.arms[side];
    // The collar takes a part of a raised arm, as shoulder blades do.
    const float lift = a.lift + 0.12f * std::max(a.spread, 0.0f);
    const Rotation upper = turn_z(-lift) * turn_x(-a.swing) * turn_z(a.spread) * turn_y(-a.twist);
    const ArmTurns arm = {
        turn_z(lift), upper * transposed(rest.upper_arm),
        rest.upper_arm * turn_x(-a.elbow) * turn_y(-a.roll) * transposed(rest.forearm),
        rest.forearm * turn_z(-a.wrist) * transposed(rest.forearm)};
    const LegAngles& l = stance.legs[side];
    const Rotation thigh = turn_x(-l.flex) * turn_z(l.spread) * turn_y(l.twist);
    const LegTurns leg = {thigh * transposed(rest.thigh),
                          rest.thigh * turn_x(l.knee) * transposed(rest.shin),
                          rest.shin * turn_x(-l.ankle)};
    const int at = static_cast<int>(side);
    const auto set = [&](int number, const Rotation& turn) {
      joint(number + at) = side == kRight ? mirrored(turn) : turn;
    };
    set(kCollar, arm.collar);
    set(kShoulder, arm.shoulder);
    set(kElbow, arm.elbow);
    set(kWrist, arm.wrist);
    set(kHip, leg.hip);
    set(kKnee, leg.knee);
    set(kAnkle, leg.ankle);
  }
  const Rotation upright =
      turn_y(stance.heading) * turn_z(-stance.fall_left) * turn_x(stance.fall_front);
  pose.global_orient = to_camera * upright;
  return pose;
}

std::array<Rotation, kJointCount> joint_turns(const BodyPose& pose) {
  std::array<Rotation, kJointCount> turns;
  turns[0] = pose.global_orient;
  for (std::size_t j = 1; j < kJointCount; ++j) {
    turns[j] = turns[static_cast<std::size_t>(kJointParents[j])] * pose.body_pose[j - 1];
  }
  return turns;
}

}  // namespace posefleet::training

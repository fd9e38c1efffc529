#include "training/footage/motion.h"

#include <algorithm>
#include <cmath>

namespace posefleet::training {
namespace {

float wave(float phase) {
  return std::sin(2 * std::numbers::pi_v<float> * phase);
}
float positive(float x) {
  return std::max(x, 0.0f);
}
// A manner's number as one between two bounds.
float by(float manner, float low, float high) {
  return mix(low, high, manner);
}

// Both arms alike: upper arm and elbow.
void set_arms(Stance& s, const ArmAngles& arm) {
  s.arms = {arm, arm};
}

Stance stand(const Manner& m, float phase) {
  Stance s;
  const float sway = wave(phase);
  s.bend = by(m[0], -4, 8);
  s.side = 2 * sway + by(m[1], -4, 4);
  s.nod = by(m[2], -10, 25);
  s.look = by(m[3], -45, 45) + 6 * wave(phase + m[4]);
  for (std::size_t i = 0; i < 2; ++i) {
    s.arms[i] = {.swing = by(m[5], -8, 14),
                 .spread = by(m[6], 5, 20),
                 .twist = 8,
                 .elbow = by(m[7], 4, 40) + 3 * sway,
                 .roll = by(m[8], -10, 40)};
    s.legs[i] = {
        .flex = 2, .spread = by(m[4], 0, 14), .twist = by(m[1], 0, 18), .knee = 4, .ankle = 2};
  }
  const auto kind = static_cast<int>(m[9] * 8);
  if (kind == 0) set_arms(s, {.swing = -18, .spread = 42, .twist = 62, .elbow = 100, .roll = 20});
  if (kind == 1) set_arms(s, {.swing = 28, .spread = 6, .twist = 66, .elbow = 105, .roll = 40});
  if (kind == 2) set_arms(s, {.swing = 4, .spread = 16, .twist = 30, .elbow = 38, .roll = 60});
  if (kind == 3) {  // a hand at the head
    s.arms[0] = {.swing = 60, .spread = 30, .twist = 30, .elbow = 132, .wrist = 15};
  }
  if (kind == 4) {  // a weight on one leg
    s.legs[0].flex = 16, s.legs[0].knee = 28, s.legs[0].ankle = 10;
    s.fall_left = -3;
  }
  return s;
}

Stance walk(const Manner& m, float phase) {
  Stance s;
  const float size = by(m[0], 0.55f, 1.3f);
  s.bend = by(m[1], -2, 14);
  s.twist = 7 * size * wave(phase + 0.5f);
  s.look = -0.6f * s.twist;
  s.nod = by(m[2], -6, 22);
  for (std::size_t i = 0; i < 2; ++i) {
    const float at = phase + (i == 0 ? 0 : 0.5f);
    const float swing = wave(at), lift = wave(at + 0.25f);
    s.legs[i] = {.flex = 7 + 25 * size * swing,
                 .spread = 1,
                 .twist = by(m[3], 0, 12),
                 .knee = 8 + size * (16 + 30 * lift),
                 .ankle = 4 - 12 * size * wave(at + 0.6f)};
    s.arms[i] = {.swing = -by(m[4], 4, 30) * size * swing,
                 .spread = by(m[5], 6, 16),
                 .twist = 8,
                 .elbow = by(m[6], 8, 50) - 8 * swing,
                 .roll = 20};
  }
  if (m[9] > 0.85f) {  // something is carried before the chest
    set_arms(s, {.swing = 25, .spread = 10, .twist = 25, .elbow = 95, .roll = 20});
  }
  return s;
}

Stance run(const Manner& m, float phase) {
  Stance s;
  const float size = by(m[0], 0.7f, 1.25f);
  s.bend = by(m[1], 2, 14);
  s.fall_front = by(m[2], 2, 14);
  s.twist = 10 * wave(phase + 0.5f);
  s.look = -0.8f * s.twist;
  for (std::size_t i = 0; i < 2; ++i) {
    const float at = phase + (i == 0 ? 0 : 0.5f);
    const float swing = wave(at), lift = wave(at + 0.22f);
    s.legs[i] = {.flex = 22 + 45 * size * swing,
                 .spread = 1,
                 .knee = 52 + 48 * size * lift,
                 .ankle = -14 * wave(at + 0.55f)};
    s.arms[i] = {.swing = -5 - by(m[4], 25, 48) * swing,
                 .spread = by(m[5], 6, 22),
                 .twist = 15,
                 .elbow = by(m[6], 70, 115) - 10 * swing,
                 .roll = 5};
  }
  s.height = 0.09f * positive(wave(2 * phase + 0.1f));
  return s;
}

// A body that crouches by `depth` 0..1 with flat feet.
void crouch(Stance& s, float depth, float lean) {
  s.fall_front += lean * depth;
  for (LegAngles& leg : s.legs) {
    leg.flex = 8 + 100 * depth;
    plant(leg, s.fall_front, 6 + 26 * depth);
  }
}

Stance squat(const Manner& m, float phase) {
  Stance s;
  for (LegAngles& leg : s.legs) {
    leg.spread = by(m[0], 4, 26);
    leg.twist = by(m[1], 2, 32);
  }
  const float depth = by(m[2], 0.3f, 1) * (0.5f - 0.5f * wave(phase + 0.25f));
  s.bend = by(m[3], 4, 40) * depth;
  s.nod = -20 * depth * m[4];
  crouch(s, depth, by(m[5], 10, 34));
  const ArmAngles ahead = {
      .swing = by(m[6], 40, 95), .spread = by(m[7], -5, 20), .twist = 10, .elbow = by(m[8], 5, 90)};
  const ArmAngles hanging = {.swing = by(m[6], 0, 30), .spread = by(m[7], 8, 40), .elbow = 20};
  set_arms(s, m[9] > 0.4f ? ahead : hanging);
  return s;
}

// In the air: drawn up by `tuck` 0..1, legs together or one before the other, arms out or up, or a
// hand at the board.
Stance flight_stance(const Manner& m, float tuck) {
  Stance s;
  s.bend = by(m[1], 0, 35) * tuck;
  for (std::size_t i = 0; i < 2; ++i) {
    const float split = (m[4] - 0.5f) * (i == 0 ? 60 : -60) * (m[5] > 0.5f ? 1 : 0);
    s.legs[i] = {.flex = 4 + 92 * tuck + split,
                 .spread = by(m[2], 2, 28),
                 .twist = by(m[3], 0, 20),
                 .knee = 6 + 105 * tuck * by(m[6], 0.5f, 1),
                 .ankle = -22 * (1 - tuck)};
    const float up = by(m[7], -30, 130);
    s.arms[i] = {.swing = 0.5f * up, .spread = 22 + positive(up), .elbow = by(m[8], 5, 70)};
  }
  if (m[9] > 0.6f) s.arms[1] = {.swing = 70 * tuck, .spread = 10, .elbow = 25};
  s.height = by(m[0], 0.25f, 1.2f);
  s.fall_front = (m[3] - 0.5f) * 40;
  s.fall_left = (m[8] - 0.5f) * 50;
  return s;
}

Stance jump(const Manner& m, float phase) {
  // Flight is the half of the phase in which this is positive.
  const float flight = wave(phase);
  Stance ground;
  for (LegAngles& leg : ground.legs) {
    leg.spread = by(m[2], 2, 28);
    leg.twist = by(m[3], 0, 20);
  }
  ground.bend = 12 * positive(-flight);
  crouch(ground, 0.55f * positive(-flight), 24);
  set_arms(ground, {.swing = -30 * positive(-flight), .spread = 22, .elbow = by(m[8], 5, 70)});
  Stance air = flight_stance(m, positive(flight) * by(m[0], 0.15f, 1));
  // A thrown body rises and falls as a parabola does, and a sine nearly.
  Stance result = mixed(ground, air, smooth_step(0, 0.8f, flight));
  result.height = air.height * positive(flight);
  return result;
}

// On a board the feet stand across it, and the body looks over one shoulder. Turning, it leans
// towards its toes and then its heels.
Stance ride(const Manner& m, float phase) {
  Stance s;
  const float turn = wave(phase);
  const float depth = by(m[0], 0.12f, 0.72f) + 0.10f * wave(2 * phase + 0.15f);
  const float toward = m[1] > 0.5f ? 1.0f : -1.0f;  // left or right foot first
  const float edge = by(m[2], 4, 34) * turn;        // toes positive
  s.bend = by(m[3], 8, 44) + 8 * turn;
  s.twist = toward * (by(m[4], 8, 46) + 10 * turn);
  s.look = toward * (by(m[5], 22, 66) - 8 * turn);
  s.nod = by(m[6], -12, 18);
  for (LegAngles& leg : s.legs) {
    leg.spread = by(m[7], 12, 24);
    leg.twist = by(m[8], 6, 26);
  }
  crouch(s, depth, by(m[6], 4, 26));
  // The front leg is often straighter than the one behind.
  const float uneven = by(m[9], -8, 20);
  s.legs[toward > 0 ? kLeft : kRight].flex -= 0.5f * uneven;
  s.legs[toward > 0 ? kLeft : kRight].knee -= uneven;
  s.fall_front += edge;
  s.side = -toward * by(m[9], -4, 14);
  for (std::size_t i = 0; i < 2; ++i) {
    const float sign = (i == 0) == (toward > 0) ? 1.0f : -1.0f;
    s.arms[i] = {.swing = by(m[3], -12, 40) + 14 * sign * turn,
                 .spread = by(m[4], 22, 88) + 12 * wave(phase + m[5]),
                 .twist = by(m[7], -20, 30),
                 .elbow = by(m[8], 8, 78) + 10 * wave(phase + m[9]),
                 .roll = 10};
  }
  return s;
}

Stance ski(const Manner& m, float phase) {
  Stance s;
  const float turn = wave(phase);
  const float depth = by(m[0], 0.2f, 0.75f) + 0.08f * wave(2 * phase);
  s.bend = by(m[1], 10, 48);
  s.nod = -by(m[2], 5, 40);
  crouch(s, depth, by(m[3], 6, 26));
  s.fall_left = by(m[4], 4, 36) * turn;
  s.side = -0.7f * s.fall_left;
  s.twist = -10 * turn;
  for (std::size_t i = 0; i < 2; ++i) {
    const float sign = i == 0 ? 1.0f : -1.0f;
    s.legs[i].spread = by(m[5], 1, 10);
    s.legs[i].flex += 14 * sign * turn;
    s.legs[i].knee += 22 * sign * turn;
    s.arms[i] = {.swing = by(m[6], 18, 60) + 10 * sign * wave(phase + 0.2f),
                 .spread = by(m[7], 12, 45),
                 .twist = by(m[8], -10, 30),
                 .elbow = by(m[9], 35, 100),
                 .roll = 10};
  }
  return s;
}

Stance sit(const Manner& m, float phase) {
  Stance s;
  s.bend = by(m[0], -4, 42);
  s.fall_front = by(m[1], -24, 8);
  s.nod = by(m[2], -15, 30);
  s.look = by(m[3], -40, 40) + 5 * wave(phase);
  for (std::size_t i = 0; i < 2; ++i) {
    const float uneven = (i == 0 ? 1.0f : -1.0f) * by(m[4], -16, 16);
    s.legs[i] = {.flex = by(m[5], 60, 108) + uneven,
                 .spread = by(m[6], 0, 30),
                 .twist = by(m[7], -5, 25),
                 .knee = by(m[8], 20, 110) + uneven,
                 .ankle = 0};
    s.arms[i] = {.swing = by(m[9], -25, 65),
                 .spread = by(m[4], 6, 26),
                 .twist = 18,
                 .elbow = by(m[1], 5, 95),
                 .roll = 20};
  }
  return s;
}

Stance reach(const Manner& m, float phase) {
  Stance s;
  const float go = 0.5f + 0.5f * wave(phase);
  s.bend = by(m[0], -12, 30) * go;
  s.twist = by(m[1], -35, 35) * go;
  s.look = by(m[2], -30, 30);
  s.nod = by(m[3], -25, 15);
  const bool both = m[4] > 0.5f;
  for (std::size_t i = 0; i < 2; ++i) {
    const bool works = both || i == 0;
    const ArmAngles rest = {.swing = 10, .spread = 14, .twist = 10, .elbow = by(m[5], 10, 70)};
    s.arms[i] = works ? ArmAngles{.swing = by(m[6], 20, 165) * mix(0.5f, 1, go),
                                  .spread = by(m[7], -10, 90),
                                  .twist = by(m[8], -30, 40),
                                  .elbow = by(m[9], 0, 110) * (1 - 0.7f * go)}
                      : rest;
    const float sign = i == 0 ? 1.0f : -1.0f;
    s.legs[i] = {.flex = 12 + 22 * sign * (m[3] - 0.4f),
                 .spread = by(m[2], 2, 24),
                 .twist = by(m[1], 0, 20)};
    plant(s.legs[i], 0, 10 + 10 * m[5]);
  }
  return s;
}

Stance free(const Manner& m) {
  // Ten numbers are too few for thirty angles; their digits beyond the first are chance as well.
  const auto digit = [&m](std::size_t i) {
    const float x = m[i % m.size()] * (3.0f + 7.3f * static_cast<float>(i / m.size()));
    return x - std::floor(x);
  };
  const auto& ranges = angle_ranges();
  std::array<float, Stance::kAngleCount> angles{};
  for (std::size_t i = 0; i < angles.size(); ++i) {
    // Two numbers' mean: the ends of the ranges are rare.
    const float at = 0.5f * (digit(i) + digit(i + 17));
    angles[i] = mix(ranges[i].low, ranges[i].high, at);
    if (i < 6) angles[i] *= 0.55f;
  }
  Stance s;
  s.set_angles(angles);
  for (ArmAngles& arm : s.arms) arm.wrist *= 0.5f;
  return s;
}

Stance fall(const Manner& m, float phase) {
  Stance s = mixed(free(m), sit(m, phase), by(m[0], 0.1f, 0.8f));
  s.fall_front = m[1] > 0.5f ? by(m[2], 40, 110) : by(m[2], -110, -40);
  s.fall_left = by(m[3], -80, 80);
  return s;
}

// One body differs from the formula, and from itself a moment later.
void add_chance(Dice& dice, Stance& stance, float range) {
  auto angles = stance.angles();
  for (std::size_t i = 0; i < angles.size(); ++i) angles[i] += dice.normal((i < 6 ? 4 : 6) * range);
  stance.set_angles(angles);
  stance.fall_front += dice.normal(4) * range;
  stance.fall_left += dice.normal(4) * range;
}

}  // namespace

std::string_view name_of(Motion motion) {
  constexpr std::array<std::string_view, kMotionCount> kNames = {
      "stand", "walk", "run", "squat", "jump", "ride", "ski", "sit", "reach", "fall", "free"};
  return kNames[static_cast<std::size_t>(motion)];
}

Manner random_manner(Dice& dice) {
  Manner manner;
  for (float& number : manner) number = dice.in(0, 1);
  return manner;
}

Stance stance_of(Motion motion, const Manner& manner, float phase) {
  switch (motion) {
    case Motion::Stand:
      return stand(manner, phase);
    case Motion::Walk:
      return walk(manner, phase);
    case Motion::Run:
      return run(manner, phase);
    case Motion::Squat:
      return squat(manner, phase);
    case Motion::Jump:
      return jump(manner, phase);
    case Motion::Ride:
      return ride(manner, phase);
    case Motion::Ski:
      return ski(manner, phase);
    case Motion::Sit:
      return sit(manner, phase);
    case Motion::Reach:
      return reach(manner, phase);
    case Motion::Fall:
      return fall(manner, phase);
    case Motion::Free:
      return free(manner);
  }
  return {};
}

RandomStance random_stance(Dice& dice, float range) {
  // In the order of Motion. Riders are many, since they are who the demonstration shows.
  constexpr std::array<float, kMotionCount> kShares = {12, 17, 8, 9, 8, 24, 8, 4, 8, 1, 1};
  RandomStance result;
  result.motion = static_cast<Motion>(dice.pick(kShares));
  const Manner manner = random_manner(dice);
  Stance stance = stance_of(result.motion, manner, dice.in(0, 1));
  add_chance(dice, stance, range);
  if (dice.chance(0.5f)) stance = mirrored(stance);
  Stance upright;
  for (ArmAngles& arm : upright.arms) arm = {.swing = 3, .spread = 10, .elbow = 12, .roll = 10};
  result.stance = limited(mixed(upright, stance, range));
  return result;
}

}  // namespace posefleet::training

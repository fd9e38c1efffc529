// What people do, as stances that change smoothly with a phase: walking, riding a board, falling.
//
// One list serves single pictures and films: a picture takes a motion at a random moment, with more
// chance put on top; a film follows it. Motions are formulas (a few sines and slow turns), since
// recorded ones carry licences.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "training/footage/dice.h"
#include "training/footage/stance.h"

namespace posefleet::training {

enum class Motion {
  Stand,  // arms hanging, on the hips, crossed, or one up
  Walk,   // phase: two steps
  Run,    // phase: two steps
  Squat,  // phase: down and up
  Jump,   // phase: crouch, off, flight, landing
  Ride,   // on a board, sideways to its travel; phase: a turn to each side
  Ski,    // phase: a turn to each side
  Sit,    // on a chair or on the ground
  Reach,  // throws, catches, lifts, points: one or both arms at work
  Fall,   // lies, tumbles, gets up
  Free,   // any angle that joints allow, within reason
};
inline constexpr int kMotionCount = 11;
std::string_view name_of(Motion motion);

// How this person does it: numbers in 0..1 that the motions read as they like.
using Manner = std::array<float, 10>;
Manner random_manner(Dice& dice);

// Periodic in `phase` with period 1 (Fall, Free, Sit and Stand sway only a little).
Stance stance_of(Motion motion, const Manner& manner, float phase);

struct RandomStance {
  Motion motion = Motion::Stand;
  Stance stance;  // within the joints' limits; heading 0 unless the motion has one
};
// `range` 0..1: 0 is standing with hanging arms, 1 all that people do.
RandomStance random_stance(Dice& dice, float range);

}  // namespace posefleet::training

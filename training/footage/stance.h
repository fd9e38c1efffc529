// A person's posture as angles that have names, and the body pose that they give.
//
// Rotations of SMPL's joints are relative to a rest pose, and free bodies rest with their arms out,
// half down, or as they like. So postures are said in angles from a body that stands with arms and
// legs straight down, as one would tell a person; the rest pose comes in only when angles become
// rotations. Each angle has a range that joints of people have; angles outside are cut off, so that
// no knee bends forwards however a posture was made up.
#pragma once

#include <array>

#include "common/body/body_data.h"
#include "common/body/body_model.h"
#include "training/footage/geometry.h"

namespace posefleet::training {

inline constexpr int kLeft = 0;
inline constexpr int kRight = 1;

// Degrees. 0 is hanging straight, thumb and elbow pit to the front.
struct ArmAngles {
  float swing = 0;   // upper arm to the front; 180 is up
  float spread = 0;  // upper arm to the side; 90 is level
  float twist = 0;   // upper arm about itself, elbow pit inwards
  float elbow = 0;   // bend
  float roll = 0;    // forearm about itself, palm to the back
  float wrist = 0;   // hand towards the palm
  float lift = 0;    // shoulder up
};

// Degrees. 0 is straight down, toes to the front.
struct LegAngles {
  float flex = 0;    // thigh to the front
  float spread = 0;  // thigh to the side
  float twist = 0;   // toes outwards
  float knee = 0;    // bend
  float ankle = 0;   // toes up
};

struct Stance {
  float bend = 0, side = 0, twist = 0;  // trunk, shared by three joints: to the front, to the
                                        // left, chest turned to the left
  float nod = 0, tilt = 0, look = 0;    // head, shared by two joints, likewise
  std::array<ArmAngles, 2> arms{};      // left, right
  std::array<LegAngles, 2> legs{};
  // The whole body, pelvis first: falls over to the front and to the left, then turns to its left
  // about the vertical. 0 faces the camera.
  float fall_front = 0, fall_left = 0, heading = 0;
  float height = 0;  // of the lowest point above the ground, metres

  // All angles in the order above, to be mixed and limited in one loop.
  static constexpr int kAngleCount = 6 + 2 * 7 + 2 * 5;
  std::array<float, kAngleCount> angles() const;
  void set_angles(const std::array<float, kAngleCount>& angles);
};

// Of each angle, in the order of Stance::angles(): what a limber person reaches.
struct AngleRange {
  float low, high;
};
const std::array<AngleRange, Stance::kAngleCount>& angle_ranges();

Stance limited(const Stance& stance);
// t = 0 gives a, 1 gives b. The heading is mixed as a number: 350 and 10 meet at 180.
Stance mixed(const Stance& a, const Stance& b, float t);
// Left and right swapped.
Stance mirrored(const Stance& stance);

// Bends knee and ankle such that the foot stands flat: the pelvis leans `lean` degrees to the
// front, the shin `shin` degrees. From the leg's flex.
void plant(LegAngles& leg, float lean, float shin);

// Turns stances into poses of one body.
class Poser final {
 public:
  // From where the joints of the unposed body are, metres, y up, z front.
  explicit Poser(const BodyData& body);

  // `to_camera` turns a world of y up, z towards the camera, into camera axes. The betas are left
  // zero.
  BodyPose pose(const Stance& stance, const Rotation& to_camera) const;

 private:
  // Turn of a straight hanging limb into its direction at rest, for left limbs; the right ones'
  // mirrored.
  struct RestLimbs {
    Rotation upper_arm, forearm, thigh, shin;
  };
  std::array<RestLimbs, 2> rest_{};
};

// Turns each joint's frame from the rest pose into camera axes.
std::array<Rotation, kJointCount> joint_turns(const BodyPose& pose);

}  // namespace posefleet::training

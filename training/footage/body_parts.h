// Which part of a person each vertex of a body is: what clothes are cut along.
//
// Taken from the numbers that every body in SMPL's layout has (who moves a vertex, and where the
// joints are), so that any such body can be dressed, not only ours.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "common/body/body_data.h"
#include "common/body/points.h"
#include "common/protocol/poses.h"

namespace posefleet::training {

enum class BodyPart : std::uint8_t {
  Head,
  Neck,
  Torso,
  UpperArm,
  Forearm,
  Hand,
  Pelvis,
  Thigh,
  Calf,
  Foot
};

struct VertexPart {
  BodyPart region = BodyPart::Torso;
  bool is_left = false;
  // 0 at the nearer joint of the part's bone to 1 at the farther. Of the head: 0 at the chin, 1 at
  // the top.
  float along = 0;
  // Of the head: -1 at the back, 1 at the face.
  float front = 0;
  Point3 rest{};  // place in the rest pose, metres, y up, z front
};

struct BodyParts {
  std::vector<VertexPart> vertices;
  std::vector<std::array<std::uint32_t, 3>> faces;  // counter-clockwise seen from outside
  std::array<Point3, kJointCount> joints{};         // rest pose
  Point3 head_centre{};                             // rest pose
  Point3 head_half{};                               // half the head's width, height, depth
  float sole_drop = 0;                              // from the ankle down to the sole, metres
  float height = 0;                                 // metres
};

// The body must have passed check_body.
BodyParts body_parts(const BodyData& body);

}  // namespace posefleet::training

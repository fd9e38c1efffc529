#include "training/footage/body_parts.h"

#include <algorithm>
#include <cstddef>

#include "common/body/joints.h"
#include "training/footage/geometry.h"

namespace posefleet::training {
namespace {

// Which region each joint moves.
constexpr std::array<BodyPart, kJointCount> kRegions = {
    BodyPart::Pelvis, BodyPart::Thigh,    BodyPart::Thigh,    BodyPart::Torso,   BodyPart::Calf,
    BodyPart::Calf,   BodyPart::Torso,    BodyPart::Foot,     BodyPart::Foot,    BodyPart::Torso,
    BodyPart::Foot,   BodyPart::Foot,     BodyPart::Neck,     BodyPart::Torso,   BodyPart::Torso,
    BodyPart::Head,   BodyPart::UpperArm, BodyPart::UpperArm, BodyPart::Forearm, BodyPart::Forearm,
    BodyPart::Hand,   BodyPart::Hand,     BodyPart::Hand,     BodyPart::Hand};

// The joint at the other end of the bone that the joint moves; itself where there is none.
std::size_t bone_end(std::size_t joint) {
  for (std::size_t child = kJointCount - 1; child > joint; --child) {
    if (kJointParents[child] == static_cast<std::int32_t>(joint)) return child;
  }
  return joint;
}

std::size_t strongest_joint(const BodyData& body, std::size_t vertex) {
  const auto row = body.weights.begin() + static_cast<std::ptrdiff_t>(vertex * kJointCount);
  return static_cast<std::size_t>(std::max_element(row, row + kJointCount) - row);
}

void place_joints(const BodyData& body, BodyParts& parts) {
  const std::size_t count = parts.vertices.size();
  for (std::size_t j = 0; j < kJointCount; ++j) {
    for (std::size_t v = 0; v < count; ++v) {
      const float share = body.joint_regressor[j * count + v];
      parts.joints[j] = parts.joints[j] + parts.vertices[v].rest * share;
    }
  }
}

void measure_head(BodyParts& parts) {
  Point3 low = {1e9f, 1e9f, 1e9f}, high = {-1e9f, -1e9f, -1e9f};
  for (const VertexPart& part : parts.vertices) {
    if (part.region != BodyPart::Head) continue;
    for (std::size_t k = 0; k < 3; ++k) {
      low[k] = std::min(low[k], part.rest[k]);
      high[k] = std::max(high[k], part.rest[k]);
    }
  }
  parts.head_centre = mix(low, high, 0.5f);
  parts.head_half = (high - low) * 0.5f;
  for (VertexPart& part : parts.vertices) {
    if (part.region != BodyPart::Head) continue;
    part.along = (part.rest[1] - low[1]) / (high[1] - low[1] + 1e-6f);
    part.front = (part.rest[2] - parts.head_centre[2]) / (parts.head_half[2] + 1e-6f);
  }
}

}  // namespace

BodyParts body_parts(const BodyData& body) {
  BodyParts parts;
  parts.vertices.resize(static_cast<std::size_t>(body.vertex_count()));
  float low = 1e9f, high = -1e9f;
  for (std::size_t v = 0; v < parts.vertices.size(); ++v) {
    parts.vertices[v].rest = {body.v_template[3 * v], body.v_template[3 * v + 1],
                              body.v_template[3 * v + 2]};
    low = std::min(low, parts.vertices[v].rest[1]);
    high = std::max(high, parts.vertices[v].rest[1]);
  }
  for (std::size_t i = 0; i < body.faces.size(); i += 3) {
    parts.faces.push_back({static_cast<std::uint32_t>(body.faces[i]),
                           static_cast<std::uint32_t>(body.faces[i + 1]),
                           static_cast<std::uint32_t>(body.faces[i + 2])});
  }
  place_joints(body, parts);
  for (std::size_t v = 0; v < parts.vertices.size(); ++v) {
    VertexPart& part = parts.vertices[v];
    const std::size_t joint = strongest_joint(body, v);
    part.region = kRegions[joint];
    part.is_left = part.rest[0] > 0;
    const Point3 from = parts.joints[joint];
    const Point3 bone = parts.joints[bone_end(joint)] - from;
    part.along = std::clamp(dot(part.rest - from, bone) / (dot(bone, bone) + 1e-9f), 0.0f, 1.0f);
  }
  measure_head(parts);
  parts.height = high - low;
  parts.sole_drop = 0.5f * (parts.joints[7][1] + parts.joints[8][1]) - low;
  return parts;
}

}  // namespace posefleet::training

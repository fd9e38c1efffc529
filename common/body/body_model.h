// A person's body from a few numbers: shape and joint rotations in, vertices and keypoints out.
//
// SMPL's arithmetic (reference: hmr2.md section 6). Two sums of matrices dominate it: the shape and
// pose offsets of every vertex, 217 numbers each. They are laid out in tiles of 16 coordinates, and
// each coordinate is summed in one fixed order. A general matrix product would be as fast, but it
// chooses its order by the size of the batch and of the machine's caches; here a body's bytes
// depend on its own numbers alone, not on who else is in the batch or on which worker it is posed.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "common/base/result.h"
#include "common/body/body_data.h"
#include "common/body/joints.h"
#include "common/body/points.h"
#include "common/protocol/poses.h"

namespace posefleet {

// Must be finite and the rotations orthonormal; whoever takes them from outside checks that.
// Anything else gives numbers without meaning, no crash.
struct BodyPose {
  std::array<float, kBetaCount> betas{};
  // Turns the body from its rest frame into camera axes.
  Rotation global_orient{};
  // Each joint against its parent, joints 1 to 23.
  std::array<Rotation, kBodyJointCount> body_pose{};
};

// The part of a found person that decides the body.
BodyPose body_pose_of(const PersonPose& person);

// All in camera axes, metres, before the camera translation is added.
struct PosedBody {
  std::vector<Point3> vertices;
  std::array<Point3, kAllJointCount> joints45{};      // 24 kinematic joints, 21 vertices
  std::array<Point3, kKeypointCount> keypoints_3d{};  // see kKeypointNames
};

// Immutable: shared by as many threads as like. About 1.5 times the size of body.safetensors.
class BodyModel final {
 public:
  static Result<std::shared_ptr<const BodyModel>> load(
      const std::filesystem::path& body_safetensors);
  // The same from numbers in memory, checked likewise.
  static Result<std::shared_ptr<const BodyModel>> make(BodyData body);
  ~BodyModel();
  BodyModel(const BodyModel&) = delete;
  BodyModel& operator=(const BodyModel&) = delete;

  std::int64_t vertex_count() const;
  // Vertex numbers, three a face, counter-clockwise seen from outside.
  std::span<const std::array<std::int32_t, 3>> faces() const;

  PosedBody pose(const BodyPose& pose) const;
  // The same for many, and faster, since each tile of the tables is fetched once for all.
  std::vector<PosedBody> pose_many(std::span<const BodyPose> poses) const;

 private:
  struct Tables;
  explicit BodyModel(std::unique_ptr<const Tables> tables);

  std::unique_ptr<const Tables> tables_;
};

}  // namespace posefleet

// How far one found body is from the true one, in the figures that papers on this task print
// (reference: hmr2.md section 10).
//
// Where a body stands in depth cannot be seen in one picture, so that 3D errors are taken after
// both pelvises are laid on each other. PA ("Procrustes") also takes turn and size away: what is
// left is the error of the posture alone.
//
// Pure; all sums in double, in the order of the points.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "common/body/body_model.h"
#include "common/body/camera.h"
#include "common/body/points.h"
#include "common/protocol/poses.h"

namespace posefleet {

// The 14 joints that the published figures are about, as indices of keypoints_3d: right and left
// ankles, knees, hips, wrists, elbows, shoulders, then neck and top of head.
inline constexpr std::array<int, 14> kJudgedKeypoints = {25, 26, 27, 28, 29, 30, 31,
                                                         32, 33, 34, 35, 36, 37, 43};
// The pelvis that both bodies are laid on each other at (PELVIS_IND of the reference).
inline constexpr int kPelvisKeypoint = 39;

using Keypoints = std::array<Point3, kKeypointCount>;
using JudgedPoints = std::array<Point3, kJudgedKeypoints.size()>;

JudgedPoints judged_points(const Keypoints& keypoints);

// Mean distance, millimetres, after the pelvises were laid on each other (MPJPE).
double joint_error_mm(const Keypoints& found, const Keypoints& truth);

// `points` moved, turned and scaled (no mirror) so that the sum of squared distances to `targets`
// is least: both of one size. Points that all coincide are moved alone.
std::vector<Point3> aligned_by_similarity(std::span<const Point3> points,
                                          std::span<const Point3> targets);

// Mean distance, millimetres, after that (PA-MPJPE).
double joint_error_after_alignment_mm(const Keypoints& found, const Keypoints& truth);

// Mean distance of vertices, millimetres, pelvises laid on each other (MPVPE). Both bodies must
// have the same vertices.
double vertex_error_mm(const PosedBody& found, const PosedBody& truth);

// How many of the judged joints are, in the picture, within a share of the true box's larger side.
struct KeypointHits {
  int counted = 0;  // a true joint at or behind the camera has no pixel and is left out
  int within_005 = 0;
  int within_010 = 0;

  bool operator==(const KeypointHits&) const = default;
};

// Each body seen by its own camera. Joints that are hidden or outside the frame count as well.
KeypointHits keypoint_hits(const Keypoints& found, const FrameCamera& found_camera,
                           const Keypoints& truth, const FrameCamera& true_camera,
                           const PersonBox& true_box);

// Which way a body faces, as the camera sees it: the turn about the upright axis, in quarters.
enum class Facing { Towards, Right, Away, Left };  // the camera, or a side of the picture
inline constexpr std::array<const char*, 4> kFacingNames = {"towards", "right", "away", "left"};

Facing facing_of(const Rotation& global_orient);

}  // namespace posefleet

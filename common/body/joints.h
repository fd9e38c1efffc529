// What the joints and keypoints of a body are called, in which order they come, and which of them a
// bone joins. Facts of SMPL and of the keypoint set that HMR2 was trained with (reference: hmr2.md
// section 6); every list here is in that order and must stay so, since files refer to it by number.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "common/protocol/poses.h"

namespace posefleet {

// The kinematic joints, then the vertices that stand for nose, eyes, ears, toes, heels, finger
// tips.
inline constexpr int kExtraVertexCount = 21;
inline constexpr int kAllJointCount = kJointCount + kExtraVertexCount;  // "joints45"
// Keypoints 0..24 are picked from joints45, 25..43 are regressed from the posed vertices.
inline constexpr int kMappedKeypointCount = 25;
inline constexpr int kRegressedKeypointCount = kKeypointCount - kMappedKeypointCount;

inline constexpr std::array<std::string_view, kJointCount> kJointNames = {
    "pelvis",     "left_hip",    "right_hip",    "spine1",      "left_knee",     "right_knee",
    "spine2",     "left_ankle",  "right_ankle",  "spine3",      "left_foot",     "right_foot",
    "neck",       "left_collar", "right_collar", "head",        "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist",   "right_wrist", "left_hand",     "right_hand"};

// The joint that each joint hangs from; -1 for the pelvis. A parent always comes before its child.
inline constexpr std::array<std::int32_t, kJointCount> kJointParents = {
    -1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21};

// Which entry of joints45 is keypoint 0..24 (the order of OpenPose's BODY_25).
inline constexpr std::array<std::int32_t, kMappedKeypointCount> kJointMap = {
    24, 12, 17, 19, 21, 16, 18, 20, 0, 2, 5, 8, 1, 4, 7, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34};

inline constexpr std::array<std::string_view, kKeypointCount> kKeypointNames = {
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
    "left_wrist", "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee",
    "left_ankle", "right_eye", "left_eye", "right_ear", "left_ear", "left_big_toe",
    "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel",
    // The second set has its own idea of the same places; the suffix keeps the names apart.
    "right_ankle_regressed", "right_knee_regressed", "right_hip_regressed", "left_hip_regressed",
    "left_knee_regressed", "left_ankle_regressed", "right_wrist_regressed", "right_elbow_regressed",
    "right_shoulder_regressed", "left_shoulder_regressed", "left_elbow_regressed",
    "left_wrist_regressed", "neck_lsp", "top_of_head_lsp", "pelvis_mpii", "thorax_mpii",
    "spine_h36m", "jaw_h36m", "head_h36m"};

// SMPL's vertices that stand for joints45[24..44]. A body of another shape brings its own.
inline constexpr std::array<std::int32_t, kExtraVertexCount> kSmplExtraVertexIds = {
    332,  6260, 2800, 4071, 583,  3216, 3226, 3387, 6617, 6624, 6787,
    2746, 2319, 2445, 2556, 2673, 6191, 5782, 5905, 6016, 6133};

// Two keypoints that a straight line joins in a drawn skeleton.
struct Bone {
  std::int32_t from;
  std::int32_t to;
};

// The lines of BODY_25: trunk, arms, legs, face, feet.
inline constexpr std::array<Bone, 24> kBones = {
    {{1, 8},  {1, 2},   {2, 3},   {3, 4},   {1, 5},   {5, 6},   {6, 7},   {8, 9},
     {9, 10}, {10, 11}, {8, 12},  {12, 13}, {13, 14}, {1, 0},   {0, 15},  {15, 17},
     {0, 16}, {16, 18}, {14, 19}, {19, 20}, {14, 21}, {11, 22}, {22, 23}, {11, 24}}};

}  // namespace posefleet

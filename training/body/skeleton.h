// Where the free body's joints lie at rest.
//
// SMPL's tree and SMPL's rest pose: arms stretched out along x, y up, facing +z, the left side at
// +x, the origin in the chest, the pelvis at y = -0.23. Soles at -1.155, top of the head at 0.565:
// 1.72 m. The places are those of an adult of average proportions (joint heights as fractions of
// stature as in anthropometric tables: hip 0.49, knee 0.27, ankle 0.04, shoulder 0.80, wrist to
// wrist 0.80 of it). Metres.
#pragma once

#include <array>

#include "common/protocol/poses.h"
#include "training/body/vec.h"

namespace posefleet::training {

inline constexpr double kFloor = -1.155;
inline constexpr double kCrown = 0.565;

inline constexpr std::array<Vec, kJointCount> kRestJoints = {{
    {0, -0.23, 0.0},          // pelvis
    {0.08, -0.315, 0.0},      // left hip
    {-0.08, -0.315, 0.0},     //
    {0, -0.115, -0.015},      // spine 1
    {0.1, -0.69, 0.0},        // left knee
    {-0.1, -0.69, 0.0},       //
    {0, 0.015, -0.02},        // spine 2
    {0.095, -1.085, -0.02},   // left ankle
    {-0.095, -1.085, -0.02},  //
    {0, 0.085, -0.015},       // spine 3
    {0.108, -1.132, 0.1},     // left foot: the ball
    {-0.108, -1.132, 0.1},    //
    {0, 0.285, -0.02},        // neck
    {0.075, 0.2, -0.015},     // left collar
    {-0.075, 0.2, -0.015},    //
    {0, 0.365, 0.0},          // head
    {0.175, 0.22, -0.018},    // left shoulder
    {-0.175, 0.22, -0.018},   //
    {0.435, 0.22, -0.03},     // left elbow
    {-0.435, 0.22, -0.03},    //
    {0.69, 0.22, -0.022},     // left wrist
    {-0.69, 0.22, -0.022},    //
    {0.775, 0.217, -0.02},    // left hand: the knuckles
    {-0.775, 0.217, -0.02},   //
}};

}  // namespace posefleet::training

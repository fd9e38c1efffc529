// A body in SMPL's layout made of capsules along the bones: for trying the program out and for
// tests, where no licensed body may be. It bends like one but is no likeness of anybody.
#pragma once

#include "common/body/body_data.h"

namespace posefleet::training {

// About 1.7 m tall, arms stretched out; y up, facing z, the origin at mid-height.
BodyData make_capsule_body();

}  // namespace posefleet::training

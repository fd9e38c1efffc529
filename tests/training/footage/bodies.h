// Sources of drawn people for tests, made once: a body takes a second.
#pragma once

#include "training/footage/crop_source.h"
#include "training/footage/figure.h"
#include "training/footage/scene_source.h"

namespace posefleet::training::tests {

const BodyData& free_body_data();
const Dresser& dresser();
const CropSource& crops();
const SceneSource& scenes();

}  // namespace posefleet::training::tests

// What the drawn crops tell before anything is learned: the mean person, and how pixels go
// together.
#pragma once

#include "training/hmr2/parameters.h"
#include "training/hmr2/trainer.h"

namespace posefleet::training {

// Looks at that many drawn crops, and at their mirror images.
FirstLook look_at_crops(const DrawCrop& draw, const CropNormalisation& normalisation,
                        std::int64_t backbone_width, int count);

}  // namespace posefleet::training

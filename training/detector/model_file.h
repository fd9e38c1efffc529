// Puts a trained detector into a model folder.
#pragma once

#include <filesystem>

#include "common/base/result.h"

namespace posefleet::training::detect {

class Trainer;

struct DetectorUse {
  int side = 416;  // of the letterbox, pixels
  double conf = 0.25;
  double iou = 0.7;
};

// Writes detector.torchscript and its section of manifest.yaml; everything else that a manifest in
// the folder says stays. Without one, one is written that knows of the detector alone: programs
// refuse the folder until the pose network has been added, but the thresholds are kept.
Status publish_detector(const Trainer& trainer, const std::filesystem::path& folder,
                        const DetectorUse& use);

}  // namespace posefleet::training::detect

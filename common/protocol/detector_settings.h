// How a job wants people to be found. Part of its plan: other settings give other boxes, and so
// other bytes.
#pragma once

#include <cstdint>

#include "common/base/result.h"

namespace posefleet {

// What may be asked for. The sides are those that published detectors are exported with; a
// thousand people are more than one picture's pixels can tell apart.
inline constexpr std::uint32_t kDetectorSideMin = 32;
inline constexpr std::uint32_t kDetectorSideMax = 4096;
inline constexpr std::uint32_t kPeopleMax = 1000;
inline constexpr std::uint32_t kDetectorTilesMax = 8;
inline constexpr double kBoxSideMax = 16384;

// A value. Zero in the first three: as the model's manifest says.
struct DetectorSettings {
  double conf = 0;                 // a box with a lower score is nobody
  double iou = 0;                  // of two boxes that overlap by more, the lower score goes
  std::uint32_t imgsz = 0;         // side of the network's square picture, pixels
  bool half = false;               // half precision, where the device computes in it
  std::uint32_t max_people = 300;  // of a frame; those with the highest scores stay
  double min_width = 0;            // of a box, frame pixels
  double min_height = 0;
  // Above 1, the frame's longer side is also looked at in that many overlapping pieces, for people
  // who are too small in the whole.
  std::uint32_t tiles = 1;

  bool operator==(const DetectorSettings&) const = default;
};

// Rejects a value out of range; the message names it and what is allowed.
Status check_detector_settings(const DetectorSettings& settings);

}  // namespace posefleet

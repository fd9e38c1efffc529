// Crops for tests of the trainer that need no clothes nor places: a body as a cloud of dots before
// a plain ground, with the truth that a real crop has.
#pragma once

#include <cstdint>
#include <span>

#include "common/body/body_model.h"
#include "training/footage/crop_source.h"

namespace posefleet::tests {

training::CropTruth draw_dots(const BodyModel& body, std::uint64_t index,
                              const training::Curriculum& curriculum, std::span<std::uint8_t> rgb);

// A turn by so many radians about an axis of unit length.
Rotation turn_about(const std::array<double, 3>& axis, double angle);

}  // namespace posefleet::tests

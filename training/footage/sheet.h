// Contact sheets: many drawn pictures side by side with their truth on them, to judge them by eye.
#pragma once

#include <cstdint>
#include <filesystem>

#include "common/base/result.h"
#include "training/footage/crop_source.h"
#include "training/footage/scene_source.h"

namespace posefleet::training {

struct SheetOptions {
  std::uint64_t seed = 1;
  int columns = 8, rows = 4;
  bool with_truth = false;  // bones, boxes
};

// A PNG file, written whole or not at all.
Status write_crop_sheet(const std::filesystem::path& path, const CropSource& source,
                        const Curriculum& curriculum, const SheetOptions& options);
// Frames of 640 x 360.
Status write_scene_sheet(const std::filesystem::path& path, const SceneSource& source,
                         const SheetOptions& options);

}  // namespace posefleet::training

#include "training/detector/model_file.h"

#include <vector>

#include "common/model_folder/manifest.h"
#include "common/model_folder/model_folder.h"
#include "training/detector/architecture.h"
#include "training/detector/trainer.h"

namespace posefleet::training::detect {

Status publish_detector(const Trainer& trainer, const std::filesystem::path& folder,
                        const DetectorUse& use) {
  Manifest manifest;
  manifest.name = "demo";
  manifest.licence = "The project's own; trained on drawn pictures.";
  manifest.note = "a detector without its pose network";
  std::error_code ignored;
  if (std::filesystem::exists(folder / kManifestName, ignored)) {
    POSEFLEET_TRY(manifest, read_manifest(folder / kManifestName));
  }
  POSEFLEET_TRY_DO(trainer.export_to(folder / kDetectorName, use.side));
  manifest.detector = DetectorManifest{.file = kDetectorName,
                                       .decoder = DetectorDecoder::YoloRaw,
                                       .resize = DetectorResize::Letterbox,
                                       .imgsz = use.side,
                                       .stride = kSideStep,
                                       .dynamic = true,
                                       .people = std::vector<std::int64_t>{0},
                                       .class_count = 1,
                                       .conf = use.conf,
                                       .iou = use.iou};
  std::vector<std::string> names = {kDetectorName};
  for (const auto& [name, sha256] : manifest.files) {
    if (name != kDetectorName) names.push_back(name);
  }
  return write_manifest(folder, std::move(manifest), names);
}

}  // namespace posefleet::training::detect

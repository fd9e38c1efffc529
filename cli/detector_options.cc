#include "cli/detector_options.h"

#include <string>

namespace posefleet::cli {
namespace {

Status check_side(const DetectorManifest& detector, std::uint32_t imgsz) {
  if (imgsz == 0) return done();
  const std::int64_t stride = detector.stride.value_or(1);
  const bool is_fixed = detector.imgsz && !detector.dynamic.value_or(false);
  if (is_fixed && imgsz != *detector.imgsz) {
    return rejected("--imgsz is " + std::to_string(imgsz) +
                    ", but the model's detector was exported for " +
                    std::to_string(*detector.imgsz) +
                    " pixels alone; leave it out, use --tiles for small people, or import a "
                    "detector exported with another imgsz or with dynamic=True");
  }
  if (imgsz % stride != 0) {
    return rejected("--imgsz is " + std::to_string(imgsz) + ", allowed: multiples of " +
                    std::to_string(stride));
  }
  return done();
}

}  // namespace

Status choose_detection(const DetectorSettings& settings, const ModelFolder& model, JobSpec& spec) {
  if (spec.box_source == BoxSource::Given) return done();
  if (!model.has_detector()) {
    if (settings == DetectorSettings{}) return done();
    return rejected("the model " + model.path.string() +
                    " has no detector, so --conf, --iou, --imgsz, --half, --max-people, "
                    "--min-width, --min-height and --tiles say nothing; import it with --detector, "
                    "or give --boxes");
  }
  POSEFLEET_TRY_DO(check_detector_settings(settings));
  POSEFLEET_TRY_DO(check_side(model.detector(), settings.imgsz));
  spec.box_source = BoxSource::Detect;
  spec.detector = settings;
  return done();
}

}  // namespace posefleet::cli

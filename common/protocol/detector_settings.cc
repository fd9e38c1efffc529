#include "common/protocol/detector_settings.h"

#include <sstream>
#include <string>

namespace posefleet {
namespace {

template <typename Number>
Status check(const char* name, Number value, bool is_allowed, const std::string& allowed) {
  if (is_allowed) return done();
  std::ostringstream text;
  text << "detector " << name << " is " << value << ", allowed: " << allowed;
  return rejected(text.str());
}

}  // namespace

// Written so that a number that is none (NaN) is refused as well.
Status check_detector_settings(const DetectorSettings& settings) {
  const auto share = [](double value) { return value >= 0 && value <= 1; };
  const auto length = [](double value) { return value >= 0 && value <= kBoxSideMax; };
  const std::string shares = "0 (the model's own) to 1";
  const std::string lengths = "0 to " + std::to_string(static_cast<int>(kBoxSideMax)) + " pixels";
  POSEFLEET_TRY_DO(check("conf", settings.conf, share(settings.conf), shares));
  POSEFLEET_TRY_DO(check("iou", settings.iou, share(settings.iou), shares));
  const bool is_side = settings.imgsz == 0 ||
                       (settings.imgsz >= kDetectorSideMin && settings.imgsz <= kDetectorSideMax);
  POSEFLEET_TRY_DO(check("imgsz", settings.imgsz, is_side,
                         "0 (the model's own) or " + std::to_string(kDetectorSideMin) + " to " +
                             std::to_string(kDetectorSideMax)));
  POSEFLEET_TRY_DO(check("max_people", settings.max_people,
                         settings.max_people >= 1 && settings.max_people <= kPeopleMax,
                         "1 to " + std::to_string(kPeopleMax)));
  POSEFLEET_TRY_DO(check("min_width", settings.min_width, length(settings.min_width), lengths));
  POSEFLEET_TRY_DO(check("min_height", settings.min_height, length(settings.min_height), lengths));
  return check("tiles", settings.tiles, settings.tiles >= 1 && settings.tiles <= kDetectorTilesMax,
               "1 to " + std::to_string(kDetectorTilesMax));
}

}  // namespace posefleet

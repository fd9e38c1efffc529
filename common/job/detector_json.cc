#include "common/job/detector_json.h"

#include <functional>

#include "common/job/json_rows.h"

namespace posefleet {
namespace {

using Json = nlohmann::json;
using ReadValue = std::function<bool(DetectorSettings&, const Json&)>;

ReadValue number_into(double DetectorSettings::*member) {
  return [member](DetectorSettings& settings, const Json& value) {
    if (!value.is_number()) return false;
    settings.*member = value.get<double>();
    return true;
  };
}

bool read_half(DetectorSettings& settings, const Json& value) {
  if (!value.is_boolean()) return false;
  settings.half = value.get<bool>();
  return true;
}

const JsonRows<DetectorSettings>& rows() {
  static const JsonRows<DetectorSettings> table = {
      {"conf", {number_into(&DetectorSettings::conf), "a number"}},
      {"iou", {number_into(&DetectorSettings::iou), "a number"}},
      {"imgsz", {count_into(&DetectorSettings::imgsz, 0, UINT32_MAX), "a whole number"}},
      {"half", {read_half, "true or false"}},
      {"max_people", {count_into(&DetectorSettings::max_people, 0, UINT32_MAX), "a whole number"}},
      {"min_width", {number_into(&DetectorSettings::min_width), "a number"}},
      {"min_height", {number_into(&DetectorSettings::min_height), "a number"}},
      {"tiles", {count_into(&DetectorSettings::tiles, 0, UINT32_MAX), "a whole number"}},
  };
  return table;
}

}  // namespace

nlohmann::json to_json(const DetectorSettings& settings) {
  return {{"conf", settings.conf},
          {"iou", settings.iou},
          {"imgsz", settings.imgsz},
          {"half", settings.half},
          {"max_people", settings.max_people},
          {"min_width", settings.min_width},
          {"min_height", settings.min_height},
          {"tiles", settings.tiles}};
}

Result<DetectorSettings> detector_of(const nlohmann::json& value) {
  POSEFLEET_TRY(const DetectorSettings settings, read_rows("detector", value, rows()));
  const Status checked = check_detector_settings(settings);
  if (!checked) return in_context("job spec", checked.error());
  return settings;
}

}  // namespace posefleet

#include "common/job/detector_json.h"

#include <functional>
#include <map>
#include <string>

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

ReadValue count_into(std::uint32_t DetectorSettings::*member) {
  return [member](DetectorSettings& settings, const Json& value) {
    if (!value.is_number_integer()) return false;
    const auto number = value.get<std::int64_t>();
    if (number < 0 || number > UINT32_MAX) return false;
    settings.*member = static_cast<std::uint32_t>(number);
    return true;
  };
}

bool read_half(DetectorSettings& settings, const Json& value) {
  if (!value.is_boolean()) return false;
  settings.half = value.get<bool>();
  return true;
}

struct Row {
  ReadValue read;
  const char* allowed;
};

const std::map<std::string, Row>& rows() {
  static const std::map<std::string, Row> table = {
      {"conf", {number_into(&DetectorSettings::conf), "a number"}},
      {"iou", {number_into(&DetectorSettings::iou), "a number"}},
      {"imgsz", {count_into(&DetectorSettings::imgsz), "a whole number"}},
      {"half", {read_half, "true or false"}},
      {"max_people", {count_into(&DetectorSettings::max_people), "a whole number"}},
      {"min_width", {number_into(&DetectorSettings::min_width), "a number"}},
      {"min_height", {number_into(&DetectorSettings::min_height), "a number"}},
      {"tiles", {count_into(&DetectorSettings::tiles), "a whole number"}},
  };
  return table;
}

std::string known_keys() {
  std::string known;
  for (const auto& [key, row] : rows()) known += (known.empty() ? "" : ", ") + key;
  return known;
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
  if (!value.is_object()) {
    return rejected("job spec: detector is no object, allowed: {" + known_keys() + "}");
  }
  DetectorSettings settings;
  for (const auto& [key, number] : value.items()) {
    const auto row = rows().find(key);
    if (row == rows().end()) {
      return rejected("job spec: unknown field detector." + key + ", allowed: " + known_keys());
    }
    if (!row->second.read(settings, number)) {
      return rejected("job spec: detector." + key + " is " + number.dump().substr(0, 60) +
                      ", allowed: " + row->second.allowed);
    }
  }
  const Status checked = check_detector_settings(settings);
  if (!checked) return in_context("job spec", checked.error());
  return settings;
}

}  // namespace posefleet

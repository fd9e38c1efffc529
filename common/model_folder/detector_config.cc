// config.txt, the JSON that one family of exporters puts into its TorchScript files.
#include <algorithm>
#include <cctype>

#include <nlohmann/json.hpp>

#include "common/base/json_nesting.h"
#include "common/model_folder/detector_manifest.h"

namespace posefleet {
namespace {

using Json = nlohmann::json;

// A list of numbers in an object is 2 deep; arguments of exporters are not much deeper.
constexpr int kNestingMax = 32;

// Whole numbers come as 32 and as 32.0. Nothing for what is none, or beyond the limit.
std::optional<std::int64_t> whole_number(const Json& value, std::int64_t high) {
  if (!value.is_number()) return std::nullopt;
  const double number = value.get<double>();
  if (!(number >= 1 && number <= static_cast<double>(high)) ||
      number != static_cast<double>(static_cast<int>(number))) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(number);
}

Error wrong(const std::string& file, const std::string& what) {
  return rejected(file + ": its config.txt " + what);
}

// As a message shows it; a damaged file's values may be long.
std::string shown(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 60);
}

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// {"0": "person", ...} or ["person", ...].
Status read_names(const Json& names, const std::string& file, DetectorManifest& detector) {
  const Error error = wrong(file, "has names that are no list of classes");
  if (!(names.is_object() || names.is_array()) || names.empty() ||
      names.size() > static_cast<std::size_t>(kDetectorClassMax)) {
    return error;
  }
  std::vector<std::int64_t> people;
  for (const auto& [key, name] : names.items()) {
    // Keys of a list are its indices, as text too.
    if (key.empty() || key.size() > 6 || key.find_first_not_of("0123456789") != std::string::npos ||
        !name.is_string() || std::stoll(key) >= kDetectorClassMax) {
      return error;
    }
    if (lower_case(name.get<std::string>()) == "person") people.push_back(std::stoll(key));
  }
  if (people.size() > kDetectorPeopleMax) {
    return wrong(file, "calls " + std::to_string(people.size()) + " classes 'person', at most " +
                           std::to_string(kDetectorPeopleMax) + " are allowed");
  }
  std::sort(people.begin(), people.end());
  // A detector of people alone may call them what it likes ("player").
  detector.people = people.empty() ? std::vector<std::int64_t>{0} : people;
  detector.class_count = static_cast<std::int64_t>(names.size());
  return done();
}

Status read_imgsz(const Json& imgsz, const std::string& file, DetectorManifest& detector) {
  const Json& first = imgsz.is_array() && !imgsz.empty() ? imgsz.front() : imgsz;
  detector.imgsz = whole_number(first, kDetectorInputMax);
  if (!detector.imgsz) {
    return wrong(file, "has an imgsz of " + shown(imgsz) + ", allowed: 1 to " +
                           std::to_string(kDetectorInputMax) + " pixels");
  }
  if (imgsz.is_array() && imgsz.back() != imgsz.front()) {
    return wrong(file, "has an input of " + shown(imgsz) +
                           " pixels; only square ones are supported, export it with one imgsz");
  }
  return done();
}

void read_arguments(const Json& args, DetectorManifest& detector) {
  const auto flag = [&](const char* key) -> std::optional<bool> {
    const auto found = args.find(key);
    if (found == args.end() || !found->is_boolean()) return std::nullopt;
    return found->get<bool>();
  };
  detector.half = flag("half");
  detector.dynamic = flag("dynamic");
  // Overlaps were removed inside the file, whatever its head is.
  if (flag("nms").value_or(false)) detector.decoder = DetectorDecoder::EndToEnd;
}

}  // namespace

Result<DetectorManifest> read_detector_config(std::string_view config_txt,
                                              const std::string& file) {
  if (json_nests_deeper(config_txt, kNestingMax)) {
    return wrong(file, "nests deeper than " + std::to_string(kNestingMax) + " levels");
  }
  const Json json = Json::parse(config_txt, nullptr, false);
  if (!json.is_object()) return wrong(file, "is no JSON object");
  if (const auto task = json.find("task"); task != json.end()) {
    const bool has_boxes = *task == "detect" || *task == "segment" || *task == "pose";
    if (!has_boxes) {
      return wrong(file, "says that its task is " + shown(*task) + "; a detector is needed");
    }
  }
  DetectorManifest detector;
  if (json.contains("names")) POSEFLEET_TRY_DO(read_names(json["names"], file, detector));
  if (json.contains("imgsz")) POSEFLEET_TRY_DO(read_imgsz(json["imgsz"], file, detector));
  if (json.contains("stride")) detector.stride = whole_number(json["stride"], kDetectorInputMax);
  if (json.contains("batch")) detector.batch = whole_number(json["batch"], kDetectorBatchMax);
  if (json.contains("args") && json["args"].is_object()) read_arguments(json["args"], detector);
  return detector;
}

}  // namespace posefleet

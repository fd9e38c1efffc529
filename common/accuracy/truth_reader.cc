// Truth files from text, a frame at a time.
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/accuracy/axis_angle.h"
#include "common/accuracy/json_pieces.h"
#include "common/accuracy/truth.h"
#include "common/accuracy/truth_check.h"

namespace posefleet {
namespace {

using Json = nlohmann::json;

// Our files nest 7 deep.
constexpr std::size_t kNestingMax = 16;

// Values, lists and objects of one frame; a person has 24 rotations of 4, 10 betas and some 20
// more. Outside the frames there are eight.
constexpr std::size_t kFrameValuesMax = 150 * kTruthPeopleMax;
// What one error message quotes.
constexpr std::size_t kQuoteMax = 60;

std::string shortened(std::string text, std::size_t size_max) {
  return text.size() <= size_max ? text : text.substr(0, size_max - 3) + "...";
}

Error wrong(const std::string& where, std::string_view field, const Json& value,
            std::string_view expected) {
  const std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return rejected(fmt::format("{}: {} is {}, expected: {}", where, field,
                              shortened(text, kQuoteMax), expected));
}

// The value of `key`, which must be there.
Result<const Json*> member(const std::string& where, const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return rejected(fmt::format("{}: {} is missing", where, key));
  return &*found;
}

Status check_keys(const std::string& where, const Json& object,
                  const std::set<std::string_view>& known) {
  if (!object.is_object()) return wrong(where, "this", object, "an object");
  for (const auto& item : object.items()) {
    if (known.contains(item.key())) continue;
    return rejected(fmt::format("{}: '{}' is no key of a truth file, version {}", where,
                                shortened(item.key(), kQuoteMax), kTruthVersion));
  }
  return done();
}

Result<double> number_in(const std::string& where, const Json& object, const char* key) {
  POSEFLEET_TRY(const Json* value, member(where, object, key));
  if (!value->is_number()) return wrong(where, key, *value, "a number");
  return value->get<double>();
}

Result<std::int64_t> integer_in(const std::string& where, const Json& object, const char* key,
                                std::int64_t low, std::int64_t high) {
  POSEFLEET_TRY(const Json* value, member(where, object, key));
  // Numbers above the signed range are kept apart by the library.
  const bool fits =
      value->is_number_integer() &&
      (!value->is_number_unsigned() || value->get<std::uint64_t>() <= std::uint64_t{INT64_MAX});
  if (!fits || value->get<std::int64_t>() < low || value->get<std::int64_t>() > high) {
    return wrong(where, key, *value, fmt::format("a whole number, {} to {}", low, high));
  }
  return value->get<std::int64_t>();
}

Result<std::string> text_in(const std::string& where, const Json& object, const char* key) {
  POSEFLEET_TRY(const Json* value, member(where, object, key));
  if (!value->is_string()) return wrong(where, key, *value, "a text");
  return value->get<std::string>();
}

template <std::size_t kCount>
Result<std::array<double, kCount>> numbers_of(const std::string& where, std::string_view field,
                                              const Json& value) {
  const auto refuse = [&] {
    return wrong(where, field, value, std::to_string(kCount) + " numbers");
  };
  if (!value.is_array() || value.size() != kCount) return refuse();
  std::array<double, kCount> numbers{};
  for (std::size_t i = 0; i < kCount; ++i) {
    if (!value[i].is_number()) return refuse();
    numbers[i] = value[i].get<double>();
  }
  return numbers;
}

template <std::size_t kCount>
Result<std::array<float, kCount>> floats_in(const std::string& where, const Json& object,
                                            const char* key) {
  POSEFLEET_TRY(const Json* value, member(where, object, key));
  POSEFLEET_TRY(const auto numbers, numbers_of<kCount>(where, key, *value));
  std::array<float, kCount> floats{};
  for (std::size_t i = 0; i < kCount; ++i) floats[i] = static_cast<float>(numbers[i]);
  return floats;
}

Status read_pose(const std::string& where, const Json& object, BodyPose& pose) {
  POSEFLEET_TRY(const Json* value, member(where, object, "pose"));
  if (!value->is_array() || value->size() != kJointCount) {
    return wrong(where, "pose", *value, "24 rotations as [x, y, z]");
  }
  // An axis times an angle beyond two turns is degrees taken for radians, most likely.
  constexpr double kAngleMax = 13;
  for (std::size_t joint = 0; joint < kJointCount; ++joint) {
    const std::string field = fmt::format("pose[{}]", joint);
    POSEFLEET_TRY(const AxisAngle turn, numbers_of<3>(where, field, (*value)[joint]));
    for (const double number : turn) {
      if (std::abs(number) <= kAngleMax) continue;
      return wrong(where, field, (*value)[joint], "axis times angle in radians");
    }
    (joint == 0 ? pose.global_orient : pose.body_pose[joint - 1]) = rotation_of(turn);
  }
  return done();
}

Result<TruePerson> person_of(const std::string& frame, std::size_t index, const Json& json) {
  const std::string where = fmt::format("{}, people[{}]", frame, index);
  POSEFLEET_TRY_DO(
      check_keys(where, json, {"id", "box", "visible", "translation", "betas", "pose"}));
  TruePerson person;
  POSEFLEET_TRY(person.id, integer_in(where, json, "id", std::numeric_limits<std::int64_t>::min(),
                                      std::numeric_limits<std::int64_t>::max()));
  POSEFLEET_TRY(const auto box, floats_in<4>(where, json, "box"));
  person.box = {box[0], box[1], box[2], box[3]};
  POSEFLEET_TRY(person.visible, number_in(where, json, "visible"));
  POSEFLEET_TRY(person.translation, floats_in<3>(where, json, "translation"));
  POSEFLEET_TRY(person.pose.betas, floats_in<kBetaCount>(where, json, "betas"));
  POSEFLEET_TRY_DO(read_pose(where, json, person.pose));
  return person;
}

Result<TruthFrame> frame_of(const std::string& name, std::size_t index, const Json& json) {
  const std::string where = fmt::format("{}: frame {}", name, index);
  POSEFLEET_TRY_DO(check_keys(where, json, {"frame", "people"}));
  TruthFrame frame;
  POSEFLEET_TRY(const std::int64_t number, integer_in(where, json, "frame", 0, UINT32_MAX));
  frame.frame = static_cast<std::uint32_t>(number);
  POSEFLEET_TRY(const Json* people, member(where, json, "people"));
  if (!people->is_array()) return wrong(where, "people", *people, "a list");
  for (std::size_t i = 0; i < people->size(); ++i) {
    POSEFLEET_TRY(TruePerson person, person_of(where, i, (*people)[i]));
    frame.people.push_back(std::move(person));
  }
  POSEFLEET_TRY_DO(check_frame(frame, index, name));
  return frame;
}

Status read_header(const std::string& name, const Json& json, Truth& truth) {
  if (!json.is_object()) return wrong(name, "the file", json, "an object");
  const auto format = json.find("format");
  if (format == json.end() || *format != kTruthFormat) {
    return rejected(
        fmt::format("{}: this is no truth file: \"format\":\"{}\" is missing", name, kTruthFormat));
  }
  POSEFLEET_TRY(const std::int64_t version,
                integer_in(name, json, "version", INT64_MIN, INT64_MAX));
  if (version != kTruthVersion) {
    return rejected(fmt::format("{}: version is {}, this program reads version {}", name, version,
                                kTruthVersion));
  }
  POSEFLEET_TRY_DO(check_keys(name, json,
                              {"format", "version", "width", "height", "focal_length",
                               "frames_per_second", "body_sha256", "made_by", "frames"}));
  POSEFLEET_TRY(const std::int64_t width, integer_in(name, json, "width", 1, UINT32_MAX));
  POSEFLEET_TRY(const std::int64_t height, integer_in(name, json, "height", 1, UINT32_MAX));
  truth.width = static_cast<std::uint32_t>(width);
  truth.height = static_cast<std::uint32_t>(height);
  POSEFLEET_TRY(truth.focal_length, number_in(name, json, "focal_length"));
  POSEFLEET_TRY(truth.frames_per_second, number_in(name, json, "frames_per_second"));
  POSEFLEET_TRY(truth.body_sha256, text_in(name, json, "body_sha256"));
  POSEFLEET_TRY(truth.made_by, text_in(name, json, "made_by"));
  POSEFLEET_TRY(const Json* frames, member(name, json, "frames"));
  if (!frames->is_array()) return wrong(name, "frames", *frames, "a list");
  return done();
}

}  // namespace

Result<Truth> truth_of_text(const std::string& text, const std::string& name) {
  Truth truth;
  const auto take_frame = [&](const Json& json) -> Status {
    POSEFLEET_TRY(TruthFrame frame, frame_of(name, truth.frames.size(), json));
    truth.frames.push_back(std::move(frame));
    return done();
  };
  POSEFLEET_TRY(
      const Json json,
      parse_in_pieces(text, name,
                      {.list = "frames", .nesting_max = kNestingMax, .values_max = kFrameValuesMax},
                      take_frame));
  POSEFLEET_TRY_DO(read_header(name, json, truth));
  POSEFLEET_TRY_DO(check_truth(truth, name));
  return truth;
}

}  // namespace posefleet

// An object of a job's spec, read by a table of its fields. Private to the folder.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "common/base/result.h"

namespace posefleet {

template <typename Settings>
struct JsonRow {
  // False, with the settings as they may be, when the value is not allowed.
  std::function<bool(Settings&, const nlohmann::json&)> read;
  std::string allowed;  // for the message
};

template <typename Settings>
using JsonRows = std::map<std::string, JsonRow<Settings>>;

template <typename Settings>
std::function<bool(Settings&, const nlohmann::json&)> count_into(std::uint32_t Settings::*member,
                                                                 std::int64_t low,
                                                                 std::int64_t high) {
  return [=](Settings& settings, const nlohmann::json& value) {
    if (!value.is_number_integer()) return false;
    const auto number = value.get<std::int64_t>();
    if (number < low || number > high) return false;
    settings.*member = static_cast<std::uint32_t>(number);
    return true;
  };
}

// What is left out is as in Settings{}; unknown keys and wrong values are errors that name them.
template <typename Settings>
Result<Settings> read_rows(const std::string& field, const nlohmann::json& value,
                           const JsonRows<Settings>& rows) {
  std::string known;
  for (const auto& [key, row] : rows) known += (known.empty() ? "" : ", ") + key;
  if (!value.is_object()) {
    return rejected("job spec: " + field + " is no object, allowed: {" + known + "}");
  }
  Settings settings;
  for (const auto& [key, part] : value.items()) {
    const auto row = rows.find(key);
    if (row == rows.end()) {
      return rejected("job spec: unknown field " + field + "." + key + ", allowed: " + known);
    }
    if (row->second.read(settings, part)) continue;
    const std::string text = part.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return rejected("job spec: " + field + "." + key + " is " + text.substr(0, 60) +
                    ", allowed: " + row->second.allowed);
  }
  return settings;
}

}  // namespace posefleet

// A YAML file as a flat list of what it gives to which key; all that the rest of the folder knows
// of YAML.
//
// Built from the parser's events rather than from its tree: so an alias is seen before it is
// followed, a key that is given twice is seen twice, and nothing grows beyond the file.
//
// Internal to common/config.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace posefleet {

struct ConfigEntry {
  enum class Kind {
    Text,     // a plain or quoted scalar
    List,     // of scalars
    Section,  // keys follow below it, as entries of their own
    Nothing,  // "key:" and no more
  };
  std::string key;  // dotted
  int line = 0;     // from 1
  Kind kind = Kind::Text;
  std::vector<std::string> values;  // one for Text

  bool operator==(const ConfigEntry&) const = default;
};

// Errors name the file and the line.
Result<std::vector<ConfigEntry>> read_entries(std::string_view yaml, const std::string& file_name);

}  // namespace posefleet

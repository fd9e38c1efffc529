#include "common/model_folder/manifest_reader.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace posefleet {
namespace {

std::string keys_of(const std::vector<KeyRow>& rows) {
  std::string text;
  for (const KeyRow& row : rows) text += (text.empty() ? "" : ", ") + row.key;
  return text;
}

bool is_sha256(const std::string& text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

Status ManifestReader::read_map(const YAML::Node& node, const std::string& where,
                                const std::vector<KeyRow>& rows) const {
  if (!node.IsMap()) return wrong(node, where, "is no map of keys and values");
  std::vector<std::string> seen;
  for (const auto& pair : node) {
    const std::string key = pair.first.IsScalar() ? pair.first.Scalar() : "?";
    const std::string name = where.empty() ? key : where + "." + key;
    const auto row =
        std::find_if(rows.begin(), rows.end(), [&](const KeyRow& r) { return r.key == key; });
    if (row == rows.end()) {
      return wrong(pair.first, name, "is no known key; known: " + keys_of(rows));
    }
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) {
      return wrong(pair.first, name, "is there twice");
    }
    seen.push_back(key);
    if (const Status status = row->read(pair.second); !status) {
      return wrong(pair.second, name, status.error().message);
    }
  }
  for (const KeyRow& row : rows) {
    if (row.is_needed && std::find(seen.begin(), seen.end(), row.key) == seen.end()) {
      return wrong(node, where.empty() ? row.key : where + "." + row.key, "is missing");
    }
  }
  return done();
}

Error ManifestReader::wrong(const YAML::Node& node, const std::string& name,
                            const std::string& what) const {
  // A nested message already starts with the file.
  if (what.starts_with(file_ + ":")) return rejected(what);
  // An empty document has no place; the top has no name.
  return rejected(fmt::format("{}:{}: {} {}", file_, std::max(0, node.Mark().line) + 1,
                              name.empty() ? "the document" : name, what));
}

std::string shown(const YAML::Node& node) {
  if (!node.IsScalar()) return "a list or a map";
  const std::string& text = node.Scalar();
  return text.size() > 80 ? "'" + text.substr(0, 80) + "...'" : "'" + text + "'";
}

ReadValue text_into(std::string& target) {
  return [&target](const YAML::Node& node) -> Status {
    if (!node.IsScalar()) return rejected("is " + shown(node) + "; allowed: text");
    target = node.Scalar();
    return done();
  };
}

ReadValue integer_into(std::int64_t& target, std::int64_t low, std::int64_t high) {
  return [&target, low, high](const YAML::Node& node) -> Status {
    std::int64_t value = 0;
    if (!node.IsScalar() || !YAML::convert<std::int64_t>::decode(node, value) || value < low ||
        value > high) {
      return rejected(
          fmt::format("is {}; allowed: whole numbers from {} to {}", shown(node), low, high));
    }
    target = value;
    return done();
  };
}

std::optional<double> number_of(const YAML::Node& node) {
  double value = 0;
  if (!node.IsScalar() || !YAML::convert<double>::decode(node, value)) return std::nullopt;
  if (!std::isfinite(value)) return std::nullopt;
  return value;
}

ReadValue number_into(double& target, double above, double high) {
  return [&target, above, high](const YAML::Node& node) -> Status {
    const auto value = number_of(node);
    if (!value || *value <= above || *value > high) {
      return rejected(
          fmt::format("is {}; allowed: numbers above {}, at most {}", shown(node), above, high));
    }
    target = *value;
    return done();
  };
}

ReadValue three_numbers_into(std::vector<float>& target, double low, double high) {
  return [&target, low, high](const YAML::Node& node) -> Status {
    const Error error =
        rejected(fmt::format("is not a list of three numbers from {} to {}", low, high));
    if (!node.IsSequence() || node.size() != 3) return error;
    std::vector<float> values;
    for (const auto& item : node) {
      const auto value = number_of(item);
      if (!value || *value < low || *value > high) return error;
      values.push_back(static_cast<float>(*value));
    }
    target = values;
    return done();
  };
}

ReadValue sha256_into(std::string& target) {
  return [&target](const YAML::Node& node) -> Status {
    if (!node.IsScalar() || !is_sha256(node.Scalar())) {
      return rejected(fmt::format("is {}; allowed: 64 lower-case hex digits", shown(node)));
    }
    target = node.Scalar();
    return done();
  };
}

}  // namespace posefleet

// Reading YAML maps strictly: which keys may stand in one, and what each may hold. Private to the
// folder, since it shows yaml-cpp; a manifest's sections share it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "common/base/result.h"

namespace posefleet {

// What a value may be: one reader per key, which answers with what is allowed when it is not.
using ReadValue = std::function<Status(const YAML::Node&)>;

struct KeyRow {
  std::string key;
  bool is_needed;
  ReadValue read;
};

class ManifestReader final {
 public:
  explicit ManifestReader(std::string file) : file_(std::move(file)) {}

  // Every key of `node` must be in `rows`, once, and every needed row must be in `node`.
  Status read_map(const YAML::Node& node, const std::string& where,
                  const std::vector<KeyRow>& rows) const;

  // "file:line: name what".
  Error wrong(const YAML::Node& node, const std::string& name, const std::string& what) const;

 private:
  std::string file_;
};

// The value as messages show it.
std::string shown(const YAML::Node& node);
// Finite numbers only.
std::optional<double> number_of(const YAML::Node& node);

// The targets must outlive the readers.
ReadValue text_into(std::string& target);
ReadValue integer_into(std::int64_t& target, std::int64_t low, std::int64_t high);
ReadValue number_into(double& target, double above, double high);
ReadValue three_numbers_into(std::vector<float>& target, double low, double high);
ReadValue sha256_into(std::string& target);

}  // namespace posefleet

// A manifest as YAML text, to and from. Strict when reading: a misspelt key must not quietly become
// a default, since the numbers here decide what the network computes.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/model_folder/model_folder.h"

namespace posefleet {

inline constexpr const char* kManifestName = "manifest.yaml";

// `file` names the text in messages: "file:line: key: what is wrong, what is allowed".
Result<Manifest> parse_manifest(const std::string& text, const std::string& file);

std::string format_manifest(const Manifest& manifest);

// True for a name that stays inside the folder and is the same on every machine: printable ASCII,
// no separators, no dots in front.
bool is_plain_file_name(std::string_view name);

}  // namespace posefleet

// Where a video's bytes are: in a file here, or with somebody who serves them.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <variant>

#include "common/media/source_cache.h"

namespace posefleet {

struct RemoteLocation {
  SourceCache* cache = nullptr;  // outlives all readers
  RemoteFile file;
  FetchHooks hooks;
};

using VideoLocation = std::variant<std::filesystem::path, RemoteLocation>;

// For messages.
inline std::string name_of(const VideoLocation& location) {
  if (const auto* path = std::get_if<std::filesystem::path>(&location)) return path->string();
  return std::get<RemoteLocation>(location).file.name;
}

}  // namespace posefleet

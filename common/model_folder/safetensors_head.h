// The JSON head of a safetensors file, read event by event.
//
// A head may be 16 MiB of anything. Building a JSON tree from it first would let a row of a few
// million brackets take a gigabyte; this reader stops at the first thing that a head cannot hold.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace posefleet {

struct HeadEntry {
  std::string dtype;
  std::vector<std::uint64_t> shape;
  std::vector<std::uint64_t> data_offsets;  // two: begin, end; relative to the end of the head
};

struct SafetensorsHead {
  std::map<std::string, HeadEntry> entries;
  std::map<std::string, std::string> metadata;
};

// Shape only: known keys, right kinds of values, no name twice. What they mean is the caller's.
Result<SafetensorsHead> parse_safetensors_head(std::string_view json);

}  // namespace posefleet

// How deep a JSON text nests, before anything is made of it.
//
// The JSON library compares, copies and writes values by recursion, so that a text of a million
// brackets ends the process as soon as an error quotes it. Ours nest a few levels: whoever reads
// JSON from outside asks this first.
#pragma once

#include <cstddef>
#include <string_view>

namespace posefleet {

// Any bytes; one pass, no memory. The text need not be valid JSON.
constexpr bool json_nests_deeper(std::string_view text, int levels_max) {
  int depth = 0;
  bool in_text = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char letter = text[at];
    if (in_text && letter == '\\') {
      ++at;
    } else if (letter == '"') {
      in_text = !in_text;
    } else if (!in_text && (letter == '[' || letter == '{')) {
      if (++depth > levels_max) return true;
    } else if (!in_text && (letter == ']' || letter == '}')) {
      --depth;
    }
  }
  return false;
}

}  // namespace posefleet

// JSON text of which one list is handed over element by element. Private to the folder.
//
// The library's own parser keeps every number as a value of 16 bytes and more, which is ten times
// the text, and its filter for parts of a text looks through a whole list after each object in it,
// which takes hours for a hostile file. This one holds a single element at a time and stops at the
// first thing that is wrong.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "common/base/result.h"

namespace posefleet {

struct JsonPieces {
  std::string_view list;        // a key of the root object
  std::size_t nesting_max = 0;  // open brackets, the root's own among them
  std::size_t values_max = 0;   // numbers, texts, lists and objects of one element, or between two
};

// The root without the elements of the list. `name` stands for the file in messages. An error of
// `on_element` ends the parsing and comes back as it is.
Result<nlohmann::json> parse_in_pieces(
    const std::string& text, const std::string& name, const JsonPieces& pieces,
    const std::function<Status(const nlohmann::json&)>& on_element);

}  // namespace posefleet

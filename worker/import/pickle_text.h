// The text forms inside pickles of protocol 0: numbers in decimals, strings with escapes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace posefleet {

// Python 2's repr of a byte string, with its quotes: 'a\x00\'\n'. Nothing when it is malformed.
std::optional<std::string> unescape_quoted(std::string_view quoted);

// Python's raw-unicode-escape: \u0041 and \U00000041 are escapes, any other byte is Latin-1.
// The result is UTF-8. Nothing when an escape is cut or is no code point.
std::optional<std::string> unescape_unicode(std::string_view text);

// Text whose characters are all below 256, as bytes; nothing otherwise.
std::optional<std::string> latin1_bytes(std::string_view utf8);

}  // namespace posefleet

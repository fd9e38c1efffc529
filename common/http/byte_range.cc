#include "common/http/byte_range.h"

#include <algorithm>
#include <charconv>

namespace posefleet {
namespace {

// Digits only; a number beyond 64 bits is none.
std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<ByteRange> parse_byte_range(std::string_view header, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (header.substr(0, kUnit.size()) != kUnit) return std::nullopt;
  header.remove_prefix(kUnit.size());
  const std::size_t dash = header.find('-');
  if (dash == std::string_view::npos || size == 0) return std::nullopt;
  const std::string_view before = header.substr(0, dash);
  const std::string_view after = header.substr(dash + 1);
  if (before.empty()) {
    const auto suffix = parse_number(after);
    if (!suffix || *suffix == 0) return std::nullopt;
    const std::uint64_t length = std::min(*suffix, size);
    return ByteRange{size - length, length};
  }
  const auto first = parse_number(before);
  if (!first || *first >= size) return std::nullopt;
  if (after.empty()) return ByteRange{*first, size - *first};
  const auto last = parse_number(after);
  if (!last || *last < *first) return std::nullopt;
  return ByteRange{*first, std::min(*last, size - 1) - *first + 1};
}

}  // namespace posefleet

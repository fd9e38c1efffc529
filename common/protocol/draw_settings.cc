#include "common/protocol/draw_settings.h"

#include <algorithm>

namespace posefleet {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool is_label(std::string_view name) {
  return std::find(kLabelNames.begin(), kLabelNames.end(), name) != kLabelNames.end();
}

std::optional<Rgb> parse_rgb(std::string_view text) {
  if (text.size() != 7 || text[0] != '#') return std::nullopt;
  Rgb colour{};
  for (std::size_t i = 0; i < colour.size(); ++i) {
    const int high = hex_digit(text[1 + 2 * i]);
    const int low = hex_digit(text[2 + 2 * i]);
    if (high < 0 || low < 0) return std::nullopt;
    colour[i] = static_cast<std::uint8_t>(16 * high + low);
  }
  return colour;
}

std::string to_text(const Rgb& colour) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "#";
  for (const std::uint8_t part : colour) {
    text += kDigits[part / 16];
    text += kDigits[part % 16];
  }
  return text;
}

}  // namespace posefleet

#include "worker/import/pickle_text.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace posefleet {
namespace {

std::optional<std::uint32_t> number_of(std::string_view digits, int base) {
  std::uint32_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, value, base);
  if (digits.empty() || error != std::errc() || at != end) return std::nullopt;
  return value;
}

std::size_t octal_digits(std::string_view text) {
  std::size_t count = 0;
  while (count < 3 && count < text.size() && text[count] >= '0' && text[count] <= '7') ++count;
  return count;
}

// The one-letter escapes; 0 for a letter that is none.
char letter_escape(char letter) {
  switch (letter) {
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    case '\\':
    case '\'':
    case '"':
      return letter;
    default:
      return 0;
  }
}

void append_utf8(std::string& target, std::uint32_t point) {
  const auto tail = [&](int shift) {
    target += static_cast<char>(0x80 | ((point >> shift) & 0x3f));
  };
  if (point < 0x80) {
    target += static_cast<char>(point);
  } else if (point < 0x800) {
    target += static_cast<char>(0xc0 | (point >> 6));
    tail(0);
  } else if (point < 0x10000) {
    target += static_cast<char>(0xe0 | (point >> 12));
    tail(6);
    tail(0);
  } else {
    target += static_cast<char>(0xf0 | (point >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace

std::optional<std::string> unescape_quoted(std::string_view quoted) {
  if (quoted.size() < 2 || (quoted.front() != '\'' && quoted.front() != '"') ||
      quoted.back() != quoted.front()) {
    return std::nullopt;
  }
  std::string_view text = quoted.substr(1, quoted.size() - 2);
  std::string bytes;
  bytes.reserve(text.size());
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find('\\'), text.size());
    bytes.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    text.remove_prefix(1);
    if (text.empty()) return std::nullopt;  // the backslash escapes the closing quote
    if (const char letter = letter_escape(text.front()); letter != 0) {
      bytes += letter;
      text.remove_prefix(1);
    } else if (text.front() == 'x') {
      const auto value = text.size() < 3 ? std::nullopt : number_of(text.substr(1, 2), 16);
      if (!value) return std::nullopt;
      bytes += static_cast<char>(*value);
      text.remove_prefix(3);
    } else if (const std::size_t digits = octal_digits(text); digits > 0) {
      bytes += static_cast<char>(*number_of(text.substr(0, digits), 8) & 0xff);
      text.remove_prefix(digits);
    } else {
      bytes += '\\';  // as Python: an unknown escape stands for itself
    }
  }
  return bytes;
}

std::optional<std::string> unescape_unicode(std::string_view text) {
  std::string utf8;
  utf8.reserve(text.size());
  while (!text.empty()) {
    const char kind = text.size() > 1 && text[0] == '\\' ? text[1] : 0;
    if (kind != 'u' && kind != 'U') {
      append_utf8(utf8, static_cast<unsigned char>(text.front()));
      text.remove_prefix(1);
      continue;
    }
    const std::size_t digits = kind == 'u' ? 4 : 8;
    if (text.size() < 2 + digits) return std::nullopt;
    const auto point = number_of(text.substr(2, digits), 16);
    if (!point || *point > 0x10ffff) return std::nullopt;
    append_utf8(utf8, *point);
    text.remove_prefix(2 + digits);
  }
  return utf8;
}

std::optional<std::string> latin1_bytes(std::string_view utf8) {
  std::string bytes;
  bytes.reserve(utf8.size());
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto first = static_cast<unsigned char>(utf8[i]);
    if (first < 0x80) {
      bytes += utf8[i];
      continue;
    }
    // Two bytes that start with 0xc2 or 0xc3 are the characters 128 to 255; all else is above.
    const bool has_next = i + 1 < utf8.size();
    const auto second = has_next ? static_cast<unsigned char>(utf8[i + 1]) : 0;
    if ((first != 0xc2 && first != 0xc3) || (second & 0xc0) != 0x80) return std::nullopt;
    bytes += static_cast<char>(((first & 0x03) << 6) | (second & 0x3f));
    ++i;
  }
  return bytes;
}

}  // namespace posefleet

#include "common/job/frame_selection.h"

#include <numeric>
#include <string>
#include <vector>

namespace posefleet {
namespace {

// More than any film has, and far from where sums of ticks would overflow.
constexpr std::int64_t kHoursMax = 1000;
constexpr std::int64_t kRateMax = 1000;
constexpr std::int64_t kMicroseconds = 1'000'000;

// Digits alone, at most `digits_max` of them.
std::optional<std::int64_t> whole_number(std::string_view text, std::size_t digits_max) {
  if (text.empty() || text.size() > digits_max) return std::nullopt;
  std::int64_t number = 0;
  for (const char letter : text) {
    if (letter < '0' || letter > '9') return std::nullopt;
    number = number * 10 + (letter - '0');
  }
  return number;
}

// A decimal number in millionths.
std::optional<std::int64_t> millionths(std::string_view text) {
  const std::size_t point = text.find('.');
  const auto whole = whole_number(text.substr(0, point), 9);
  if (!whole) return std::nullopt;
  if (point == std::string_view::npos) return *whole * kMicroseconds;
  std::string digits(text.substr(point + 1));
  if (digits.empty() || digits.size() > 6) return std::nullopt;
  digits.resize(6, '0');
  const auto fraction = whole_number(digits, 6);
  if (!fraction) return std::nullopt;
  return *whole * kMicroseconds + *fraction;
}

std::vector<std::string_view> parts_of(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

Error wrong_time(std::string_view text) {
  return rejected("the time '" + std::string(text.substr(0, 60)) +
                  "' is none; write seconds (90.5), minutes and seconds (1:30.5) or hours too "
                  "(0:01:30.5), at most " +
                  std::to_string(kHoursMax) + " hours");
}

Error wrong_rate(std::string_view text) {
  return rejected("the rate '" + std::string(text.substr(0, 60)) +
                  "' is none; write frames a second as 2, 0.5 or 30000/1001, above 0 and at most " +
                  std::to_string(kRateMax));
}

}  // namespace

Result<std::chrono::microseconds> parse_time(std::string_view text) {
  const std::vector<std::string_view> parts = parts_of(text, ':');
  if (parts.size() > 3) return wrong_time(text);
  const auto seconds = millionths(parts.back());
  if (!seconds) return wrong_time(text);
  std::int64_t minutes = 0;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const auto number = whole_number(parts[i], 6);
    const bool is_below_sixty = i == 0 || (number && *number < 60);
    if (!number || !is_below_sixty) return wrong_time(text);
    minutes = minutes * 60 + *number;
  }
  if (parts.size() > 1 && *seconds >= 60 * kMicroseconds) return wrong_time(text);
  const std::int64_t total = minutes * 60 * kMicroseconds + *seconds;
  if (total > kHoursMax * 3600 * kMicroseconds) return wrong_time(text);
  return std::chrono::microseconds(total);
}

Result<Rational> parse_rate(std::string_view text) {
  const std::vector<std::string_view> parts = parts_of(text, '/');
  Rational rate;
  if (parts.size() == 2) {
    const auto num = whole_number(parts[0], 9);
    const auto den = whole_number(parts[1], 9);
    if (!num || !den || *den == 0) return wrong_rate(text);
    rate = {*num, *den};
  } else {
    const auto value = parts.size() == 1 ? millionths(text) : std::nullopt;
    if (!value) return wrong_rate(text);
    rate = {*value, kMicroseconds};
  }
  if (rate.num == 0 || rate.num > kRateMax * rate.den) return wrong_rate(text);
  const std::int64_t divisor = std::gcd(rate.num, rate.den);
  return Rational{rate.num / divisor, rate.den / divisor};
}

Status check_selection(const FrameSelection& selection) {
  if (selection.start && selection.end && *selection.end <= *selection.start) {
    const auto seconds = [](std::chrono::microseconds time) {
      return std::to_string(static_cast<double>(time.count()) / kMicroseconds);
    };
    return rejected("the end (" + seconds(*selection.end) + " s) is not behind the start (" +
                    seconds(*selection.start) + " s)");
  }
  return done();
}

}  // namespace posefleet

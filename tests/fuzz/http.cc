#include <string>

#include "common/base/check.h"
#include "common/http/address.h"
#include "common/http/byte_range.h"
#include "tests/fuzz/targets.h"

namespace posefleet::fuzz {
namespace {

// Inside the file, and what is asked for in full words is the same.
void check_range(std::string_view header, std::uint64_t size) {
  const auto range = parse_byte_range(header, size);
  if (!range) return;
  POSEFLEET_CHECK(range->length > 0 && range->first < size);
  POSEFLEET_CHECK(range->length <= size - range->first);
  const std::string plain = "bytes=" + std::to_string(range->first) + "-" +
                            std::to_string(range->first + (range->length - 1));
  POSEFLEET_CHECK(parse_byte_range(plain, size) == range);
}

// Whoever is told the address reaches it: nothing in it but what an address is made of.
void check_address(std::string_view text) {
  const auto address = parse_listen_address(text);
  if (!address) return;
  POSEFLEET_CHECK(!(address->is_loopback && address->is_any));
  POSEFLEET_CHECK(address->host.find_first_not_of("0123456789abcdefABCDEF:.*") ==
                  std::string::npos);
  constexpr std::string_view kScheme = "http://";
  const std::string url = url_of(*address);
  POSEFLEET_CHECK(url.starts_with(kScheme));
  const auto again = parse_listen_address(std::string_view(url).substr(kScheme.size()));
  POSEFLEET_CHECK(again.has_value() && *again == *address);
}

}  // namespace

void fuzz_http(std::span<const std::byte> input) {
  const std::string_view text = text_of(input);
  for (const std::uint64_t size :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{100}, ~std::uint64_t{0}}) {
    check_range(text, size);
  }
  check_address(text);
}

}  // namespace posefleet::fuzz

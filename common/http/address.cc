#include "common/http/address.h"

#include <charconv>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace posefleet {
namespace {

Error not_an_address(std::string_view text) {
  return rejected(
      fmt::format("'{}' is no address to listen at; write one like 127.0.0.1:5580, [::1]:5580 or "
                  "*:5580",
                  text));
}

bool read_ipv4(const std::string& host, ListenAddress& address) {
  in_addr number{};
  if (inet_pton(AF_INET, host.c_str(), &number) != 1) return false;
  address.is_loopback = (ntohl(number.s_addr) >> 24) == 127;
  address.is_any = number.s_addr == 0;
  return true;
}

bool read_ipv6(const std::string& host, ListenAddress& address) {
  in6_addr number{};
  if (inet_pton(AF_INET6, host.c_str(), &number) != 1) return false;
  address.is_loopback = IN6_IS_ADDR_LOOPBACK(&number) != 0;
  address.is_any = IN6_IS_ADDR_UNSPECIFIED(&number) != 0;
  return true;
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return not_an_address(text);
  ListenAddress address;
  const std::string_view port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size()) return not_an_address(text);
  std::string host(text.substr(0, colon));
  // Behind it the system's functions would not look.
  if (host.find('\0') != std::string::npos) return not_an_address(text);
  if (host == "*") {
    address.is_any = true;
  } else if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (!read_ipv6(host, address)) return not_an_address(text);
  } else if (!read_ipv4(host, address)) {
    return not_an_address(text);
  }
  address.host = std::move(host);
  return address;
}

std::string url_of(const ListenAddress& address) {
  const bool is_v6 = address.host.find(':') != std::string::npos;
  return fmt::format("http://{}{}{}:{}", is_v6 ? "[" : "", address.host, is_v6 ? "]" : "",
                     address.port);
}

}  // namespace posefleet

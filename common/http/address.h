// Where an HTTP server listens: "127.0.0.1:5580", "[::1]:5580", "*:5580". Numbers only: a name may
// mean another interface tomorrow, and whether an address is loopback decides what is allowed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace posefleet {

// A value.
struct ListenAddress {
  std::string host;        // "10.0.0.1", "::1", or "*": every interface
  std::uint16_t port = 0;  // 0: any that is free
  bool is_loopback = false;
  bool is_any = false;  // every interface: says nothing about how others reach it
  bool operator==(const ListenAddress&) const = default;
};

// Rejected with what is wrong and an example.
Result<ListenAddress> parse_listen_address(std::string_view text);

// "http://10.0.0.1:5580", with brackets around an IPv6 address.
std::string url_of(const ListenAddress& address);

}  // namespace posefleet

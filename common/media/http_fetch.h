// Private to common/media: one request for a piece of a file, by FFmpeg's HTTP client.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/base/result.h"

namespace posefleet::av {

struct HttpPiece {
  std::string url;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::uint64_t size = 0;  // of the whole file; another one is an error
};

// Only http, only TCP, no proxy. `is_over` is asked about every 100 ms and ends the wait. Errors:
// Retry when the network is at fault, Rejected when the server answers that it will not.
Result<std::string> fetch_http(const HttpPiece& piece, const std::function<bool()>& is_over);

}  // namespace posefleet::av

// Which bytes a Range header asks for.
//
// One range, exactly: "bytes=0-99", "bytes=100-", "bytes=-100". RFC 9110 lets a server ignore what
// it cannot read and answer with everything; we refuse it, because a client that asked for 100
// bytes and gets 10 GB is not helped. Lists of ranges are refused as well: nobody here sends them,
// and overlapping ones are a known way to make a server send a file a thousand times.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace posefleet {

struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t length = 0;  // at least 1
  bool operator==(const ByteRange&) const = default;
};

// Inside [0, size), cut at its end. Nothing: not such a range, or it begins behind the end.
std::optional<ByteRange> parse_byte_range(std::string_view header, std::uint64_t size);

}  // namespace posefleet

#include "common/http/byte_range.h"

#include <gtest/gtest.h>

#include "common/http/address.h"

namespace posefleet::tests {
namespace {

TEST(ByteRange, IsExactlyWhatTheHeaderAsksFor) {
  struct Case {
    const char* header;
    std::uint64_t size;
    ByteRange expected;
  };
  for (const Case& one : {
           Case{"bytes=0-0", 100, {0, 1}},
           Case{"bytes=0-99", 100, {0, 100}},
           Case{"bytes=10-19", 100, {10, 10}},
           Case{"bytes=90-", 100, {90, 10}},
           Case{"bytes=90-1000", 100, {90, 10}},
           Case{"bytes=99-99", 100, {99, 1}},
           Case{"bytes=-1", 100, {99, 1}},
           Case{"bytes=-1000", 100, {0, 100}},
           Case{"bytes=0-18446744073709551615", 100, {0, 100}},
           Case{"bytes=18446744073709551613-", 18446744073709551615u, {18446744073709551613u, 2}},
       }) {
    SCOPED_TRACE(one.header);
    const auto range = parse_byte_range(one.header, one.size);
    ASSERT_TRUE(range.has_value());
    EXPECT_EQ(range->first, one.expected.first);
    EXPECT_EQ(range->length, one.expected.length);
  }
}

TEST(ByteRange, IsNothingForWhateverElseItSays) {
  for (const char* header : {"",
                             "bytes",
                             "bytes=",
                             "bytes=-",
                             "bytes=-0",
                             "bytes=a-b",
                             "bytes=1",
                             "bytes=5-4",
                             "bytes=100-",
                             "bytes=100-200",
                             "bytes=0-0,2-3",
                             "bytes=0-,0-,0-",
                             "bytes= 0-1",
                             "bytes=0 -1",
                             "bytes=+1-2",
                             "bytes=--1",
                             "bytes=0x1-2",
                             "bytes=0-1 ",
                             "Bytes=0-1",
                             "items=0-1",
                             "bytes=18446744073709551616-",
                             "bytes=0-18446744073709551616",
                             "bytes=-18446744073709551616"}) {
    SCOPED_TRACE(header);
    EXPECT_FALSE(parse_byte_range(header, 100).has_value());
  }
  EXPECT_FALSE(parse_byte_range("bytes=0-0", 0).has_value());
  EXPECT_FALSE(parse_byte_range("bytes=-1", 0).has_value());
}

TEST(ListenAddress, SaysWhereAndWhetherOthersReachIt) {
  struct Case {
    const char* text;
    ListenAddress expected;
    const char* url;
  };
  for (const Case& one : {
           Case{"127.0.0.1:5580", {"127.0.0.1", 5580, true, false}, "http://127.0.0.1:5580"},
           Case{"127.9.9.9:0", {"127.9.9.9", 0, true, false}, "http://127.9.9.9:0"},
           Case{"[::1]:80", {"::1", 80, true, false}, "http://[::1]:80"},
           Case{"10.0.0.1:65535", {"10.0.0.1", 65535, false, false}, "http://10.0.0.1:65535"},
           Case{"0.0.0.0:1", {"0.0.0.0", 1, false, true}, "http://0.0.0.0:1"},
           Case{"[::]:1", {"::", 1, false, true}, "http://[::]:1"},
           Case{"*:1", {"*", 1, false, true}, "http://*:1"},
       }) {
    SCOPED_TRACE(one.text);
    const auto address = parse_listen_address(one.text);
    ASSERT_TRUE(address) << address.error().message;
    EXPECT_TRUE(*address == one.expected);
    EXPECT_EQ(url_of(*address), one.url);
  }
}

TEST(ListenAddress, RefusesNamesAndNonsense) {
  for (const char* text : {"", ":", "localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                           "127.0.0.1:-1", "127.0.0.1:8o", "127.1:80", "::1:80", "[::1]80", "[]:80",
                           "tcp://*:80", "**:80", "[127.0.0.1]:80"}) {
    SCOPED_TRACE(text);
    const auto address = parse_listen_address(text);
    ASSERT_FALSE(address);
    EXPECT_NE(address.error().message.find("127.0.0.1:5580"), std::string::npos);
  }
  // A zero ends the text for the system, not for us.
  constexpr std::string_view kHidden("127.0.0.1\0.example.org:80", 26);
  EXPECT_FALSE(parse_listen_address(kHidden));
}

}  // namespace
}  // namespace posefleet::tests

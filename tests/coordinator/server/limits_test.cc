#include "coordinator/server/limits.h"

#include <gtest/gtest.h>

namespace posefleet::tests {
namespace {

constexpr std::uint64_t kPartMax = 1000;

Hello hello_with(std::string Hello::*text, std::size_t size) {
  Hello hello;
  hello.*text = std::string(size, 'x');
  return hello;
}

Hello hello_listing(std::size_t held, std::size_t unacknowledged) {
  Hello hello;
  hello.held.resize(held);
  hello.unacknowledged.resize(unacknowledged);
  return hello;
}

ResultPart part_of(std::size_t size) {
  ResultPart part;
  part.bytes = std::string(size, 'x');
  return part;
}

Heartbeat beat_of(std::size_t held) {
  Heartbeat beat;
  beat.held.resize(held);
  return beat;
}

Fail fail_saying(std::size_t size) {
  Fail fail;
  fail.message = std::string(size, 'x');
  return fail;
}

TEST(Limits, WhatIsAtALimitPassesAndOneMoreIsRefusedWithItsNumber) {
  const struct {
    const char* name;
    WorkerMessage at, over;
    const char* number;
  } cases[] = {
      {"name", hello_with(&Hello::worker, 256), hello_with(&Hello::worker, 257), "257"},
      {"host", hello_with(&Hello::host, 256), hello_with(&Hello::host, 1'000'000), "1000000"},
      {"device", hello_with(&Hello::device, 256), hello_with(&Hello::device, 257), "257"},
      {"model", hello_with(&Hello::model_hash, 256), hello_with(&Hello::model_hash, 257), "257"},
      {"detector", hello_with(&Hello::detector, 16384), hello_with(&Hello::detector, 16385),
       "16385"},
      {"listed", hello_listing(4000, 96), hello_listing(4000, 97), "4097"},
      {"beat", beat_of(4096), beat_of(4097), "4097"},
      {"part", part_of(1000), part_of(1001), "1001"},
      {"empty part", part_of(1), part_of(0), "0 bytes"},
      {"reason", fail_saying(16384), fail_saying(16385), "16385"},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.name);
    EXPECT_TRUE(check_limits(one.at, kPartMax));
    const Status over = check_limits(one.over, kPartMax);
    ASSERT_FALSE(over);
    EXPECT_NE(over.error().message.find(one.number), std::string::npos) << over.error().message;
  }
  EXPECT_TRUE(check_limits(Bye{}, kPartMax));
}

}  // namespace
}  // namespace posefleet::tests

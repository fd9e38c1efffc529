// What must be true of every message: accepted bytes encode to bytes that are accepted, and then
// stay as they are. Compared as bytes, since a number that is not one equals nothing.
#pragma once

#include <string_view>

#include "common/base/check.h"
#include "common/wire/codec.h"

namespace posefleet::fuzz {

template <typename Decode>
void check_message(Decode decode, std::string_view bytes) {
  const auto message = decode(bytes);
  if (!message) {
    POSEFLEET_CHECK(!message.error().message.empty());
    return;
  }
  const std::string encoded = encode(*message);
  const auto again = decode(encoded);
  POSEFLEET_CHECK(again.has_value());
  POSEFLEET_CHECK(encode(*again) == encoded);
}

}  // namespace posefleet::fuzz

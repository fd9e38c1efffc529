// What every codec file here shares: bytes to a Cap'n Proto reader and back. Private to the folder.
#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include "common/base/result.h"

namespace posefleet::wire {

inline std::string to_bytes(capnp::MessageBuilder& builder) {
  const auto segments = builder.getSegmentsForOutput();
  std::string bytes(capnp::computeSerializedSizeInWords(segments) * sizeof(capnp::word), '\0');
  kj::ArrayOutputStream stream(
      kj::arrayPtr(reinterpret_cast<kj::byte*>(bytes.data()), bytes.size()));
  capnp::writeMessage(stream, segments);
  return bytes;
}

inline kj::StringPtr text(const std::string& value) {
  return kj::StringPtr(value.c_str(), value.size());
}
inline std::string text(capnp::Text::Reader value) {
  return std::string(value.cStr(), value.size());
}
inline capnp::Data::Reader data(const std::string& value) {
  return capnp::Data::Reader(reinterpret_cast<const kj::byte*>(value.data()), value.size());
}
inline std::string data(capnp::Data::Reader value) {
  return std::string(reinterpret_cast<const char*>(value.begin()), value.size());
}

// Calls `read` with a reader of Root over `bytes`; turns what Cap'n Proto throws into an Error.
template <typename Root, typename Read>
auto read_message(std::string_view what, std::string_view bytes, Read&& read)
    -> decltype(read(std::declval<typename Root::Reader>())) {
  const auto damaged = [&](std::string_view why) {
    return rejected("damaged " + std::string(what) + " (" + std::to_string(bytes.size()) +
                    " bytes): " + std::string(why));
  };
  if (bytes.empty() || bytes.size() % sizeof(capnp::word) != 0) {
    return damaged("the size is not a multiple of 8");
  }
  try {
    const std::size_t words = bytes.size() / sizeof(capnp::word);
    kj::Array<capnp::word> copy;
    const capnp::word* begin = reinterpret_cast<const capnp::word*>(bytes.data());
    if (reinterpret_cast<std::uintptr_t>(begin) % alignof(capnp::word) != 0) {
      copy = kj::heapArray<capnp::word>(words);
      std::memcpy(copy.begin(), bytes.data(), bytes.size());
      begin = copy.begin();
    }
    // Each field is read once. Four times the message's own words leaves room for that and stops
    // messages whose pointers visit the same place over and over. Our schemas nest 8 deep at most.
    capnp::ReaderOptions options;
    options.traversalLimitInWords = 4 * words + 64;
    options.nestingLimit = 16;
    capnp::FlatArrayMessageReader reader(kj::arrayPtr(begin, words), options);
    return read(reader.getRoot<Root>());
  } catch (const kj::Exception& exception) {
    return damaged(exception.getDescription().cStr());
  }
}

}  // namespace posefleet::wire

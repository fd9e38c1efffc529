// What one message of a worker may ask for, whoever the worker is.
//
// The size of a message is bounded by the socket and its shape by the codec; here its meaning is.
// Names end up in log lines, lists cost an answer for each item, parts are written to disk. The
// limits are far above what our workers send: whoever passes one is broken or hostile.
#pragma once

#include <cstdint>

#include "common/base/result.h"
#include "common/protocol/messages.h"

namespace posefleet {

// Of names and hashes; a host name has at most 253 letters.
inline constexpr std::size_t kNameBytesMax = 256;
// Of sentences for people; workers cut theirs.
inline constexpr std::size_t kSentenceBytesMax = 16 << 10;
// Held ranges and unacknowledged results that a worker lists.
inline constexpr std::size_t kListedMax = 4096;

// Rejected with the limit and the number that passed it.
Status check_limits(const WorkerMessage& message, std::uint64_t part_bytes_max);

}  // namespace posefleet

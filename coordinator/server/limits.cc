#include "coordinator/server/limits.h"

#include <string>
#include <string_view>

#include <fmt/format.h>

namespace posefleet {
namespace {

Status check_size(std::string_view what, std::uint64_t size, std::uint64_t max) {
  if (size <= max) return done();
  return rejected(fmt::format("{} has {}, at most {} are taken", what, size, max));
}

Status check(const Hello& hello, std::uint64_t) {
  for (const auto& [what, text] : {std::pair{"Hello.worker (bytes)", &hello.worker},
                                   {"Hello.host (bytes)", &hello.host},
                                   {"Hello.device (bytes)", &hello.device},
                                   {"Hello.modelHash (bytes)", &hello.model_hash}}) {
    POSEFLEET_TRY_DO(check_size(what, text->size(), kNameBytesMax));
  }
  POSEFLEET_TRY_DO(check_size("Hello.detector (bytes)", hello.detector.size(), kSentenceBytesMax));
  return check_size("Hello.held and unacknowledged (items)",
                    hello.held.size() + hello.unacknowledged.size(), kListedMax);
}

Status check(const Heartbeat& beat, std::uint64_t) {
  return check_size("Heartbeat.held (items)", beat.held.size(), kListedMax);
}

Status check(const ResultPart& part, std::uint64_t part_bytes_max) {
  if (part.bytes.empty()) return rejected("a ResultPart has 0 bytes, at least 1 is wanted");
  return check_size("ResultPart.bytes (bytes)", part.bytes.size(), part_bytes_max);
}

Status check(const ResultDone& result, std::uint64_t) {
  POSEFLEET_TRY_DO(
      check_size("ResultDone.planHash (bytes)", result.plan_hash.size(), kNameBytesMax));
  return check_size("ResultDone.sha256 (bytes)", result.sha256.size(), kNameBytesMax);
}

Status check(const Fail& fail, std::uint64_t) {
  return check_size("Fail.message (bytes)", fail.message.size(), kSentenceBytesMax);
}

Status check(const Bye&, std::uint64_t) {
  return done();
}

}  // namespace

Status check_limits(const WorkerMessage& message, std::uint64_t part_bytes_max) {
  return std::visit([&](const auto& one) { return check(one, part_bytes_max); }, message);
}

}  // namespace posefleet

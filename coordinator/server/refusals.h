// What the coordinator turned away: counted by kind, and logged so rarely that nobody can fill the
// log (common/process/sparse_log.h).
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "common/net/socket.h"
#include "common/process/clock.h"
#include "common/process/sparse_log.h"

namespace posefleet {

enum class Refusal {
  // No connection came about.
  KeyNotAllowed,
  WrongServerKey,
  KeysOnOneSide,
  NotOurProtocol,
  BrokenOff,
  // A message over a connection that stands.
  DamagedMessage,
  WrongVersion,
  OverLimit,
  ForeignSession,  // a session or an identity that is somebody else's
  RevokedKey,      // still talking after its key was taken from the list
};
inline constexpr std::size_t kRefusals = 10;
// As in log lines and metrics: "key_not_allowed".
const char* name_of(Refusal refusal);
Refusal refusal_of(HandshakeFailure failure);

// One thread. Writes its lines itself.
class Refusals final {
 public:
  void add(Refusal kind, const std::string& detail, Instant now);
  // Lines whose minute is over.
  void tick(Instant now);
  std::uint64_t count(Refusal kind) const { return counts_[static_cast<std::size_t>(kind)]; }

 private:
  std::array<std::uint64_t, kRefusals> counts_{};
  SparseLog log_;
};

}  // namespace posefleet

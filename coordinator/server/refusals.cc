#include "coordinator/server/refusals.h"

#include "common/process/log.h"

namespace posefleet {

const char* name_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::KeyNotAllowed:
      return "key_not_allowed";
    case Refusal::WrongServerKey:
      return "wrong_server_key";
    case Refusal::KeysOnOneSide:
      return "keys_on_one_side";
    case Refusal::NotOurProtocol:
      return "not_our_protocol";
    case Refusal::BrokenOff:
      return "broken_off";
    case Refusal::DamagedMessage:
      return "damaged_message";
    case Refusal::WrongVersion:
      return "wrong_version";
    case Refusal::OverLimit:
      return "over_limit";
    case Refusal::ForeignSession:
      return "foreign_session";
    case Refusal::RevokedKey:
      return "revoked_key";
  }
  return "damaged_message";
}

Refusal refusal_of(HandshakeFailure failure) {
  switch (failure) {
    case HandshakeFailure::KeyNotAllowed:
      return Refusal::KeyNotAllowed;
    case HandshakeFailure::WrongServerKey:
      return Refusal::WrongServerKey;
    case HandshakeFailure::KeysOnOneSide:
      return Refusal::KeysOnOneSide;
    case HandshakeFailure::NotOurProtocol:
      return Refusal::NotOurProtocol;
    case HandshakeFailure::BrokenOff:
      return Refusal::BrokenOff;
  }
  return Refusal::BrokenOff;
}

void Refusals::add(Refusal kind, const std::string& detail, Instant now) {
  ++counts_[static_cast<std::size_t>(kind)];
  if (auto line = log_.add(std::string("refused, ") + name_of(kind), detail, now)) log_warn(*line);
}

void Refusals::tick(Instant now) {
  for (const std::string& line : log_.take_due(now)) log_warn(line);
}

}  // namespace posefleet

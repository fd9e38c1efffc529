#include "worker/runtime/link.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/process/log.h"

namespace posefleet {
namespace {

constexpr Instant kPauseMin = std::chrono::milliseconds(500);
constexpr Instant kPauseMax = std::chrono::seconds(5);

std::string advice_on(HandshakeFailure failure, const std::optional<ClientKeys>& keys) {
  switch (failure) {
    case HandshakeFailure::KeyNotAllowed:
      return "it does not allow this worker's key " +
             (keys ? keys->own.public_key().text() : std::string()) +
             " (workers.allowed of the coordinator)";
    case HandshakeFailure::KeysOnOneSide:
      return keys ? "it has no keys, and this worker has (key, coordinator_key)"
                  : "it wants a key, and this worker has none (key, coordinator_key)";
    case HandshakeFailure::WrongServerKey:
    case HandshakeFailure::BrokenOff:
      return "it does not answer to " + (keys ? keys->server.text() : std::string("no key")) +
             ": is coordinator_key the public key of this coordinator, and is the coordinator "
             "well?";
    case HandshakeFailure::NotOurProtocol:
      return "what listens there is no coordinator";
  }
  return "";
}

// A coordinator with keys ends the connection of a worker without; whether ZeroMQ has read its
// greeting by then, and so knows why, is a matter of microseconds. One thing has one name.
HandshakeFailure seen_from_here(HandshakeFailure failure, const std::optional<ClientKeys>& keys) {
  const bool is_without_word =
      failure == HandshakeFailure::BrokenOff || failure == HandshakeFailure::WrongServerKey;
  return is_without_word && !keys ? HandshakeFailure::KeysOnOneSide : failure;
}

}  // namespace

void Link::open(Instant now) {
  socket_.reset();
  if (now < open_at_) return;
  auto socket = DealerSocket::connect(context_, endpoint_, keys_ ? &*keys_ : nullptr);
  // The endpoint was checked at start; ZeroMQ connects in the background and cannot fail here.
  POSEFLEET_CHECK(socket.has_value());
  socket_ = std::move(*socket);
}

bool Link::look(Instant now) {
  for (const std::string& line : log_.take_due(now)) log_warn(line);
  if (!socket_) {
    if (now >= open_at_) open(now);
    return false;
  }
  const DealerEvents events = socket_->take_events();
  if (events.is_up) pause_ = Instant{};
  if (!events.failure) return false;
  pause_ = std::clamp(2 * pause_, kPauseMin, kPauseMax);
  open_at_ = now + pause_;
  socket_.reset();
  say(seen_from_here(*events.failure, keys_), now);
  return true;
}

void Link::say(HandshakeFailure failure, Instant now) {
  const std::string kind = fmt::format("the coordinator at {} does not let this worker in: {}",
                                       endpoint_, name_of(failure));
  if (auto line = log_.add(kind, advice_on(failure, keys_), now)) {
    log_warn(*line + "; trying again");
  }
}

std::optional<std::string> Link::receive() {
  if (!socket_) return std::nullopt;
  return socket_->receive();
}

Status Link::send(std::string_view bytes) {
  if (!socket_) return overloaded("the coordinator does not let this worker in");
  return socket_->send(bytes);
}

void Link::add_to(std::vector<PollItem>& items) const {
  if (!socket_) return;
  items.push_back({.socket = socket_->handle()});
  items.push_back({.socket = socket_->monitor_handle()});
}

}  // namespace posefleet

#include "common/net/monitor.h"

#include <atomic>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <zmq.h>

#include "common/net/frames.h"

namespace posefleet {
namespace {

constexpr int kEvents = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED |
                        ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                        ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

HandshakeFailure protocol_failure(std::int32_t value) {
  if (value == ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC) return HandshakeFailure::WrongServerKey;
  if (value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH) return HandshakeFailure::KeysOnOneSide;
  return HandshakeFailure::NotOurProtocol;
}

MonitorEvent event_of(std::uint16_t event, std::int32_t value) {
  using Kind = MonitorEvent::Kind;
  switch (event) {
    case ZMQ_EVENT_ACCEPTED:
    case ZMQ_EVENT_CONNECTED:
      return {.kind = Kind::Connected, .connection = value};
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
      return {.kind = Kind::HandshakeDone};
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
      return {.kind = Kind::HandshakeFailed, .failure = HandshakeFailure::KeyNotAllowed};
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
      return {.kind = Kind::HandshakeFailed, .failure = protocol_failure(value)};
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
      return {.kind = Kind::HandshakeFailed, .failure = HandshakeFailure::BrokenOff};
    default:
      return {.kind = Kind::Closed, .connection = value};
  }
}

}  // namespace

SocketMonitor::SocketMonitor(NetContext& context, void* socket) : socket_(socket) {
  // The monitor's name must differ between the sockets of a context.
  static std::atomic<int> number = 0;
  const std::string name = fmt::format("inproc://monitor-{}", ++number);
  POSEFLEET_CHECK(zmq_socket_monitor(socket_, name.c_str(), kEvents) == 0);
  events_ = zmq_socket(context.handle(), ZMQ_PAIR);
  POSEFLEET_CHECK(events_ != nullptr);
  const int linger = 0;
  zmq_setsockopt(events_, ZMQ_LINGER, &linger, sizeof linger);
  POSEFLEET_CHECK(zmq_connect(events_, name.c_str()) == 0);
}

SocketMonitor::~SocketMonitor() {
  zmq_socket_monitor(socket_, nullptr, 0);
  zmq_close(events_);
}

std::optional<MonitorEvent> SocketMonitor::take() {
  std::vector<std::string> frames;
  while (net::receive_frames(events_, frames)) {
    // First frame: 16 bits of event, 32 bits of value.
    if (frames[0].size() < 6) continue;
    std::uint16_t event = 0;
    std::int32_t value = 0;
    __builtin_memcpy(&event, frames[0].data(), sizeof event);
    __builtin_memcpy(&value, frames[0].data() + 2, sizeof value);
    return event_of(event, value);
  }
  return std::nullopt;
}

const char* name_of(HandshakeFailure failure) {
  switch (failure) {
    case HandshakeFailure::KeyNotAllowed:
      return "key not allowed";
    case HandshakeFailure::WrongServerKey:
      return "wrong key of the coordinator";
    case HandshakeFailure::KeysOnOneSide:
      return "keys on one side only";
    case HandshakeFailure::NotOurProtocol:
      return "not our protocol";
    case HandshakeFailure::BrokenOff:
      return "broken off";
  }
  return "broken off";
}

}  // namespace posefleet

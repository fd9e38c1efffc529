// What the library tells about a socket's connections besides their messages: which ones closed,
// and why a peer was not let in.
//
// The events name the descriptor of a connection only when it begins and ends, not when its
// handshake fails; who needs to know which one failed has to count (RouterSocket::take_events).
#pragma once

#include <optional>

#include "common/net/socket.h"

namespace posefleet {

struct MonitorEvent {
  enum class Kind { Connected, HandshakeDone, HandshakeFailed, Closed };
  Kind kind = Kind::Closed;
  int connection = -1;  // of Connected and Closed
  HandshakeFailure failure{};
};

// Belongs to the socket that it watches, and to the socket's thread.
class SocketMonitor final {
 public:
  // Watches from now on; `socket` must outlive it.
  SocketMonitor(NetContext& context, void* socket);
  ~SocketMonitor();
  SocketMonitor(const SocketMonitor&) = delete;
  SocketMonitor& operator=(const SocketMonitor&) = delete;

  // Nothing when none waits.
  std::optional<MonitorEvent> take();
  void* handle() const { return events_; }

 private:
  void* socket_;
  void* events_;
};

}  // namespace posefleet

// The door of sockets with keys: ZeroMQ asks here whether a peer's key may connect.
//
// The library asks over a socket inside the process (ZAP, RFC 27), one question a connection, and
// holds the connection until it is answered. We answer from the loop that owns the list of allowed
// keys, so that there is neither a thread nor a lock for it (docs/decisions/0009).
//
// Whoever is let in is named on each of its messages: PeerMessage::key.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "common/base/result.h"
#include "common/net/curve.h"
#include "common/net/socket.h"

namespace posefleet {

// One per context, since the library looks for it under one name. Made before the socket that it
// guards, used and closed by the same thread.
class ZapDoor final {
 public:
  static Result<std::unique_ptr<ZapDoor>> open(NetContext& context);
  ~ZapDoor();
  ZapDoor(const ZapDoor&) = delete;
  ZapDoor& operator=(const ZapDoor&) = delete;

  // Answers all questions that wait. `address` is for people: "10.0.0.7", empty over ipc.
  using IsAllowed = std::function<bool(const PublicKey& key, std::string_view address)>;
  void answer(const IsAllowed& is_allowed);

  void* handle() const { return socket_; }

 private:
  ZapDoor() = default;
  void* socket_ = nullptr;
};

}  // namespace posefleet

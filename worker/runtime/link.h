// The way to the coordinator: one socket, and what is done while the other side does not let us in.
//
// A connection that breaks is mended by the library. A handshake that fails is not: after some
// failures the library gives up for good, after others it tries five times a second for ever. Both
// are wrong here. The reason may pass (a key is added to the coordinator's list, a coordinator gets
// its keys), and loading a model again costs minutes, so the worker stays and tries again, after
// half a second at first and five in the end, and says once a minute what is the matter.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/net/socket.h"
#include "common/process/clock.h"
#include "common/process/sparse_log.h"

namespace posefleet {

// One thread, the worker's loop.
class Link final {
 public:
  // The endpoint was checked (check_coordinator). Opens nothing yet.
  Link(NetContext& context, std::string endpoint, std::optional<ClientKeys> keys)
      : context_(context), endpoint_(std::move(endpoint)), keys_(std::move(keys)) {}

  // A new socket with a new identity; while we are kept out, when the pause is over.
  void open(Instant now);
  // Looks at what became of the connection, and tries again when it is time. True when the door was
  // shut in our face: whatever session there was is over.
  bool look(Instant now);

  std::optional<std::string> receive();
  // Overloaded: not connected, or the pipe is full.
  Status send(std::string_view bytes);
  void add_to(std::vector<PollItem>& items) const;

 private:
  void say(HandshakeFailure failure, Instant now);

  NetContext& context_;
  std::string endpoint_;
  std::optional<ClientKeys> keys_;
  std::unique_ptr<DealerSocket> socket_;  // null during a pause
  Instant open_at_{};
  Instant pause_{};  // the last one; zero once we were let in
  SparseLog log_;
};

}  // namespace posefleet

// Who may take part: the door of the workers' socket, and whose word counts for which session.
//
// A key is proven once, when a connection begins; its owner then is named on every message. That is
// not the end of it: the key may be revoked while the connection stands, and a worker that is let
// in could use the identity or session number of another one. So each message is held against three
// questions: is its key still allowed, is it the key that this identity came with, and does the
// session belong to this identity. What fails is dropped, counted, and its connection is ended.
//
// Without keys (ipc and loopback) the first two questions have the same empty answer for all.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/keys/allowed_keys.h"
#include "common/net/socket.h"
#include "common/net/zap.h"
#include "common/process/clock.h"
#include "common/protocol/messages.h"
#include "coordinator/server/refusals.h"

namespace posefleet {

struct WorkerKeys {
  std::filesystem::path key;      // the coordinator's secret
  std::filesystem::path allowed;  // public keys that may connect: a folder or a file
};

// One thread, the one that owns the workers' socket. Outlives that socket.
class Admission final {
 public:
  // Reads the keys, if there are any, and opens the door.
  static Result<std::unique_ptr<Admission>> open(NetContext& context,
                                                 const std::optional<WorkerKeys>& keys);

  // The workers' socket.
  Result<std::unique_ptr<RouterSocket>> bind(NetContext& context, const std::string& endpoint,
                                             std::uint64_t message_bytes_max);

  // Readable when a peer waits at the door; null without keys.
  void* door_handle() const { return door_ ? door_->handle() : nullptr; }
  void answer_door();
  // Counts a peer that did not come in, by what the socket tells.
  void on_handshake_failure(HandshakeFailure failure, Instant now);

  // Whether a message may go on to the rules; a Hello gets the name of its key. If not, it has been
  // counted, and the caller ends its connection when `must_close`.
  struct Verdict {
    bool is_admitted = false;
    bool must_close = false;
  };
  Verdict judge(const PeerMessage& from, WorkerMessage& message, Instant now);
  // Bytes that are no message. Its connection stays: a newer worker may say what we do not know.
  void on_damaged(const PeerMessage& from, const std::string& why, Instant now);
  void on_welcome(const std::string& peer, SessionId session);
  // The identity that came by a connection that is closed now.
  std::optional<std::string> take_closed(int connection);

  // Looks at the list of keys again, once a second at most. Who has to go, and their connections;
  // the session is the caller's to end.
  struct Expelled {
    std::string peer;
    int connection = -1;
  };
  std::vector<Expelled> look_at_keys(Instant now);

  Refusals& refusals() { return refusals_; }

 private:
  struct Peer {
    std::string key;
    int connection = -1;
    SessionId session{};
  };

  Admission() = default;
  bool is_allowed(const std::string& key) const { return !keys_ || keys_->allowed.find(key); }
  std::string name_of_key(const std::string& key) const;
  Verdict refuse(Refusal kind, const std::string& detail, Instant now);
  void note_peer(const PeerMessage& from);

  struct Keys {
    NamedSecret own;
    AllowedKeys allowed;
  };
  std::optional<Keys> keys_;
  std::unique_ptr<ZapDoor> door_;
  Refusals refusals_;
  std::string last_stranger_;  // the key that was turned away last
  Instant looked_at_{};
  std::map<std::string, Peer> peers_;
  std::map<int, std::string> peer_of_connection_;
  std::map<SessionId, std::string> peer_of_session_;
};

}  // namespace posefleet

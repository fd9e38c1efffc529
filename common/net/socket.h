// ZeroMQ sockets that close themselves, with the options that our measurements call for
// (docs/protocol.md lists them with reasons).
//
// A socket is made, used and closed by one thread. Sending never waits: a full pipe is an answer
// (`Overloaded`), and the caller decides what is lost by it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/net/curve.h"

namespace posefleet {

// One per process; outlives all of its sockets.
class NetContext final {
 public:
  NetContext();
  ~NetContext();
  NetContext(const NetContext&) = delete;
  NetContext& operator=(const NetContext&) = delete;
  void* handle() const { return context_; }

 private:
  void* context_;
};

class SocketMonitor;
class ZapDoor;

// Why two sockets did not come together.
enum class HandshakeFailure {
  KeyNotAllowed,   // the server does not let this key in
  WrongServerKey,  // seen by the server: the client expected another one
  KeysOnOneSide,   // one has keys, the other has none
  NotOurProtocol,  // the peer speaks something else, or ended without a word
  // The connection ended or the time ran out in the middle. A client with a wrong key of the server
  // sees this: the server does not answer it.
  BrokenOff,
};
const char* name_of(HandshakeFailure failure);

// Ways to a peer that need no keys: ipc, or TCP on loopback addresses.
bool is_local_endpoint(std::string_view endpoint);

// A message from one of many peers. `peer` is the identity of its socket; `connection` the number
// of the connection that it came by, -1 when unknown; `key` the public key that was let in by the
// door, empty without keys. The identity is the peer's own word, the key is proven.
struct PeerMessage {
  std::string peer;
  int connection = -1;
  std::string key;
  std::string bytes;
};

// What a server's socket needs for keys. `door` is asked about each peer and must outlive the
// socket. That it exists before the socket matters: with nobody to ask, the library lets all in.
struct ServerKeys {
  const SecretKey& own;
  ZapDoor& door;
};

struct RouterEvents {
  std::vector<int> closed;                 // connections
  std::vector<HandshakeFailure> failures;  // one for each peer that was not let in
  std::uint64_t misshapen = 0;  // messages of more or fewer frames than an identity and bytes
};

// The coordinator's side: many peers, each with its own identity.
class RouterSocket final {
 public:
  // Refuses frames above `message_bytes_max` (the connection is dropped by the library). Without
  // `keys` anybody may connect.
  static Result<std::unique_ptr<RouterSocket>> bind(NetContext& context,
                                                    const std::string& endpoint,
                                                    std::uint64_t message_bytes_max,
                                                    const ServerKeys* keys = nullptr);
  ~RouterSocket();
  RouterSocket(const RouterSocket&) = delete;
  RouterSocket& operator=(const RouterSocket&) = delete;

  // Nothing when no message waits. Messages of more or fewer than two frames are dropped and told
  // of by take_events.
  std::optional<PeerMessage> receive();
  // Disconnected: no such peer. Overloaded: its pipe is full.
  Status send(const std::string& peer, std::string_view bytes);
  // What happened to connections since the last call.
  RouterEvents take_events();
  // Ends a connection now. The library has no word for that on a socket of many peers, so its
  // descriptor is shut down under it; the library then tells that it closed. Nothing happens when
  // the descriptor is another connection's by now.
  void close_connection(int connection);

  void* handle() const { return socket_; }
  void* monitor_handle() const;
  // The endpoint as bound ("tcp://127.0.0.1:*" gets its port).
  const std::string& endpoint() const { return endpoint_; }

 private:
  RouterSocket();
  void forget_older(int connection);
  void* socket_ = nullptr;
  std::unique_ptr<SocketMonitor> monitor_;
  std::string endpoint_;
  // Connections that brought a message, with the system's number for the socket, which is never
  // used twice (a descriptor is).
  std::map<int, std::uint64_t> spoken_;
  std::uint64_t misshapen_ = 0;
  std::size_t failures_open_ = 0;  // told of, but not yet that their connections closed
};

struct DealerEvents {
  bool is_up = false;  // a handshake was completed since the last call
  std::optional<HandshakeFailure> failure;
};

// A worker's or client's side: one connection, a new random identity per socket.
class DealerSocket final {
 public:
  static Result<std::unique_ptr<DealerSocket>> connect(NetContext& context,
                                                       const std::string& endpoint,
                                                       const ClientKeys* keys = nullptr);
  ~DealerSocket();
  DealerSocket(const DealerSocket&) = delete;
  DealerSocket& operator=(const DealerSocket&) = delete;

  std::optional<std::string> receive();
  // Overloaded: not connected, or the pipe is full.
  Status send(std::string_view bytes);
  // What happened to the connection since the last call. After most failures the library does not
  // try again, and after the others it tries five times a second: close this socket, and open
  // another one after a while.
  DealerEvents take_events();

  void* handle() const { return socket_; }
  void* monitor_handle() const;

 private:
  DealerSocket();
  void* socket_ = nullptr;
  std::unique_ptr<SocketMonitor> monitor_;
  bool is_in_handshake_ = false;
};

// Waits until one of the sockets or descriptors is readable, or the time is over.
struct PollItem {
  void* socket = nullptr;  // a socket's handle(), or
  int fd = -1;             // a descriptor
  bool is_readable = false;
};
void poll_readable(std::vector<PollItem>& items, std::chrono::milliseconds timeout);

}  // namespace posefleet

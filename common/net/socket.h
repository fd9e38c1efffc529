// ZeroMQ sockets that close themselves, with the options that our measurements call for
// (docs/protocol.md lists them with reasons).
//
// A socket is made, used and closed by one thread. Sending never waits: a full pipe is an answer
// (`Overloaded`), and the caller decides what is lost by it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

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

// Ways to a peer that need no keys: ipc, or TCP on loopback addresses.
bool is_local_endpoint(std::string_view endpoint);

// A message from one of many peers. `peer` is the identity of its socket; `connection` the number
// of the connection that it came by, -1 when unknown.
struct PeerMessage {
  std::string peer;
  int connection = -1;
  std::string bytes;
};

// The coordinator's side: many peers, each with its own identity.
class RouterSocket final {
 public:
  // Refuses frames above `message_bytes_max` (the connection is dropped by the library).
  static Result<std::unique_ptr<RouterSocket>> bind(NetContext& context,
                                                    const std::string& endpoint,
                                                    std::uint64_t message_bytes_max);
  ~RouterSocket();
  RouterSocket(const RouterSocket&) = delete;
  RouterSocket& operator=(const RouterSocket&) = delete;

  // Nothing when no message waits. Messages of more or fewer than two frames are dropped.
  std::optional<PeerMessage> receive();
  // Disconnected: no such peer. Overloaded: its pipe is full.
  Status send(const std::string& peer, std::string_view bytes);
  // Connections that closed since the last call.
  std::vector<int> take_closed_connections();

  void* handle() const { return socket_; }
  void* monitor_handle() const { return monitor_; }
  // The endpoint as bound ("tcp://127.0.0.1:*" gets its port).
  const std::string& endpoint() const { return endpoint_; }

 private:
  RouterSocket() = default;
  void* socket_ = nullptr;
  void* monitor_ = nullptr;
  std::string endpoint_;
};

// A worker's or client's side: one connection, a new random identity per socket.
class DealerSocket final {
 public:
  static Result<std::unique_ptr<DealerSocket>> connect(NetContext& context,
                                                       const std::string& endpoint);
  ~DealerSocket();
  DealerSocket(const DealerSocket&) = delete;
  DealerSocket& operator=(const DealerSocket&) = delete;

  std::optional<std::string> receive();
  // Overloaded: not connected, or the pipe is full.
  Status send(std::string_view bytes);
  void* handle() const { return socket_; }

 private:
  DealerSocket() = default;
  void* socket_ = nullptr;
};

// Waits until one of the sockets or descriptors is readable, or the time is over.
struct PollItem {
  void* socket = nullptr;  // a socket's handle(), or
  int fd = -1;             // a descriptor
  bool is_readable = false;
};
void poll_readable(std::vector<PollItem>& items, std::chrono::milliseconds timeout);

}  // namespace posefleet

#include "common/net/socket.h"

#include <cerrno>
#include <cstdlib>
#include <random>
#include <utility>

#include <fmt/format.h>
#include <sys/socket.h>
#include <zmq.h>

#include "common/net/frames.h"
#include "common/net/monitor.h"
#include "common/net/zap.h"

namespace posefleet {
namespace {

// Messages that wait for one slow peer before sending to it answers Overloaded. Credits keep us far
// below; the limit is for peers that are stuck.
constexpr int kHighWaterMark = 256;

void set_option(void* socket, int option, int value) {
  POSEFLEET_CHECK(zmq_setsockopt(socket, option, &value, sizeof value) == 0);
}

void set_common_options(void* socket) {
  set_option(socket, ZMQ_LINGER, 0);
  set_option(socket, ZMQ_SNDHWM, kHighWaterMark);
  set_option(socket, ZMQ_RCVHWM, kHighWaterMark);
  set_option(socket, ZMQ_IPV6, 1);
  set_option(socket, ZMQ_HANDSHAKE_IVL, 5000);
  // They find cut cables; hung peers are found by missing progress, not by these.
  set_option(socket, ZMQ_HEARTBEAT_IVL, 2000);
  set_option(socket, ZMQ_HEARTBEAT_TIMEOUT, 6000);
}

Error net_error(std::string_view what, std::string_view endpoint) {
  return {ErrorCode::Rejected,
          fmt::format("cannot {} {}: {}", what, endpoint, zmq_strerror(zmq_errno()))};
}

void set_text(void* socket, int option, const std::string& value) {
  // Z85 is handed over with its final zero.
  POSEFLEET_CHECK(zmq_setsockopt(socket, option, value.c_str(), value.size() + 1) == 0);
}

void use_keys(void* socket, const ServerKeys& keys) {
  set_option(socket, ZMQ_CURVE_SERVER, 1);
  set_text(socket, ZMQ_CURVE_SECRETKEY, keys.own.reveal());
  POSEFLEET_CHECK(zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, "posefleet", 9) == 0);
}

void use_keys(void* socket, const ClientKeys& keys) {
  set_text(socket, ZMQ_CURVE_SERVERKEY, keys.server.text());
  set_text(socket, ZMQ_CURVE_PUBLICKEY, keys.own.public_key().text());
  set_text(socket, ZMQ_CURVE_SECRETKEY, keys.own.reveal());
}

// The system's number of the socket behind a descriptor; 0 when it is none.
std::uint64_t cookie_of(int fd) {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) != 0) return 0;
  return cookie;
}

std::string random_identity() {
  std::random_device device;
  // The first byte of an identity must not be 0, which ZeroMQ keeps for its own.
  return fmt::format("p{:08x}{:08x}{:08x}", device(), device(), device());
}

}  // namespace

NetContext::NetContext() : context_(zmq_ctx_new()) {
  POSEFLEET_CHECK(context_ != nullptr);
}

NetContext::~NetContext() {
  zmq_ctx_term(context_);
}

bool is_local_endpoint(std::string_view endpoint) {
  if (endpoint.starts_with("ipc://") || endpoint.starts_with("inproc://")) return true;
  if (!endpoint.starts_with("tcp://")) return false;
  const std::string_view address = endpoint.substr(6);
  std::string_view host = address.substr(0, address.rfind(':'));
  // The library's own spelling of an IPv4 address on a socket that takes both.
  if (host.starts_with("[::ffff:") && host.ends_with("]")) host = host.substr(8, host.size() - 9);
  // Digits and dots alone: 127.example.org is a name that may lead anywhere.
  const bool is_ipv4 = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return (host.starts_with("127.") && is_ipv4) || host == "[::1]" || host == "localhost";
}

RouterSocket::RouterSocket() = default;

Result<std::unique_ptr<RouterSocket>> RouterSocket::bind(NetContext& context,
                                                         const std::string& endpoint,
                                                         std::uint64_t message_bytes_max,
                                                         const ServerKeys* keys) {
  std::unique_ptr<RouterSocket> router(new RouterSocket);
  router->socket_ = zmq_socket(context.handle(), ZMQ_ROUTER);
  POSEFLEET_CHECK(router->socket_ != nullptr);
  set_common_options(router->socket_);
  set_option(router->socket_, ZMQ_ROUTER_MANDATORY, 1);
  set_option(router->socket_, ZMQ_ROUTER_HANDOVER, 1);
  const std::int64_t size_max = static_cast<std::int64_t>(message_bytes_max);
  zmq_setsockopt(router->socket_, ZMQ_MAXMSGSIZE, &size_max, sizeof size_max);
  if (keys != nullptr) use_keys(router->socket_, *keys);
  router->monitor_ = std::make_unique<SocketMonitor>(context, router->socket_);
  if (zmq_bind(router->socket_, endpoint.c_str()) != 0) return net_error("listen on", endpoint);
  char bound[256] = {};
  std::size_t size = sizeof bound;
  zmq_getsockopt(router->socket_, ZMQ_LAST_ENDPOINT, bound, &size);
  router->endpoint_ = bound;
  return router;
}

RouterSocket::~RouterSocket() {
  monitor_.reset();
  if (socket_ != nullptr) zmq_close(socket_);
}

void* RouterSocket::monitor_handle() const {
  return monitor_->handle();
}

std::optional<PeerMessage> RouterSocket::receive() {
  std::vector<std::string> frames;
  net::Origin origin;
  while (net::receive_frames(socket_, frames, &origin)) {
    if (origin.connection >= 0 && !spoken_.contains(origin.connection)) {
      spoken_[origin.connection] = cookie_of(origin.connection);
    }
    if (frames.size() == 2) {
      return PeerMessage{std::move(frames[0]), origin.connection, std::move(origin.user),
                         std::move(frames[1])};
    }
    ++misshapen_;
  }
  return std::nullopt;
}

Status RouterSocket::send(const std::string& peer, std::string_view bytes) {
  if (zmq_send(socket_, peer.data(), peer.size(), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
    const bool is_full = zmq_errno() == EAGAIN;
    return Error{is_full ? ErrorCode::Overloaded : ErrorCode::Disconnected,
                 is_full ? "the peer's pipe is full" : "the peer is gone"};
  }
  if (zmq_send(socket_, bytes.data(), bytes.size(), ZMQ_DONTWAIT) < 0) {
    return Error{ErrorCode::Disconnected, zmq_strerror(zmq_errno())};
  }
  return done();
}

// A failed handshake is told of, and then that some connection closed. Of a peer that does not even
// greet as ZeroMQ does, only the latter is told: it closed, never spoke, and no failure explains
// it. A worker that died before its first word counts as one of these, too.
RouterEvents RouterSocket::take_events() {
  RouterEvents events;
  events.misshapen = std::exchange(misshapen_, 0);
  while (const std::optional<MonitorEvent> event = monitor_->take()) {
    if (event->kind == MonitorEvent::Kind::HandshakeFailed) {
      events.failures.push_back(event->failure);
      ++failures_open_;
    }
    if (event->kind == MonitorEvent::Kind::Connected) forget_older(event->connection);
    if (event->kind != MonitorEvent::Kind::Closed) continue;
    if (spoken_.erase(event->connection) > 0) {
      events.closed.push_back(event->connection);
    } else if (failures_open_ > 0) {
      --failures_open_;
    } else {
      events.failures.push_back(HandshakeFailure::NotOurProtocol);
    }
  }
  return events;
}

// A message may be received after its connection closed, and leaves a note that nobody takes back.
void RouterSocket::forget_older(int connection) {
  const auto found = spoken_.find(connection);
  if (found != spoken_.end() && found->second != cookie_of(connection)) spoken_.erase(found);
}

void RouterSocket::close_connection(int connection) {
  const auto found = spoken_.find(connection);
  if (found == spoken_.end() || found->second == 0) return;
  if (cookie_of(connection) == found->second) shutdown(connection, SHUT_RDWR);
}

DealerSocket::DealerSocket() = default;

Result<std::unique_ptr<DealerSocket>> DealerSocket::connect(NetContext& context,
                                                            const std::string& endpoint,
                                                            const ClientKeys* keys) {
  std::unique_ptr<DealerSocket> dealer(new DealerSocket);
  dealer->socket_ = zmq_socket(context.handle(), ZMQ_DEALER);
  POSEFLEET_CHECK(dealer->socket_ != nullptr);
  set_common_options(dealer->socket_);
  // Queue nothing for a peer that is not there: what is old by then only confuses.
  set_option(dealer->socket_, ZMQ_IMMEDIATE, 1);
  set_option(dealer->socket_, ZMQ_RECONNECT_IVL, 100);
  set_option(dealer->socket_, ZMQ_RECONNECT_IVL_MAX, 5000);
  const std::string identity = random_identity();
  zmq_setsockopt(dealer->socket_, ZMQ_ROUTING_ID, identity.data(), identity.size());
  if (keys != nullptr) use_keys(dealer->socket_, *keys);
  dealer->monitor_ = std::make_unique<SocketMonitor>(context, dealer->socket_);
  if (zmq_connect(dealer->socket_, endpoint.c_str()) != 0) {
    return net_error("connect to", endpoint);
  }
  return dealer;
}

DealerSocket::~DealerSocket() {
  monitor_.reset();
  if (socket_ != nullptr) zmq_close(socket_);
}

void* DealerSocket::monitor_handle() const {
  return monitor_->handle();
}

DealerEvents DealerSocket::take_events() {
  using Kind = MonitorEvent::Kind;
  DealerEvents events;
  while (const std::optional<MonitorEvent> event = monitor_->take()) {
    if (event->kind == Kind::HandshakeDone) events = {.is_up = true, .failure = std::nullopt};
    if (event->kind == Kind::HandshakeFailed) events.failure = event->failure;
    if (event->kind == Kind::Closed && is_in_handshake_) {
      events.failure = HandshakeFailure::NotOurProtocol;
    }
    is_in_handshake_ = event->kind == Kind::Connected;
  }
  return events;
}

std::optional<std::string> DealerSocket::receive() {
  std::vector<std::string> frames;
  while (net::receive_frames(socket_, frames)) {
    if (frames.size() == 1) return std::move(frames[0]);
  }
  return std::nullopt;
}

Status DealerSocket::send(std::string_view bytes) {
  if (zmq_send(socket_, bytes.data(), bytes.size(), ZMQ_DONTWAIT) < 0) {
    return Error{ErrorCode::Overloaded, zmq_strerror(zmq_errno())};
  }
  return done();
}

void poll_readable(std::vector<PollItem>& items, std::chrono::milliseconds timeout) {
  std::vector<zmq_pollitem_t> raw;
  raw.reserve(items.size());
  for (const PollItem& item : items) {
    raw.push_back({item.socket, item.socket != nullptr ? 0 : item.fd, ZMQ_POLLIN, 0});
  }
  zmq_poll(raw.data(), static_cast<int>(raw.size()), timeout.count());
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i].is_readable = (raw[i].revents & ZMQ_POLLIN) != 0;
  }
}

}  // namespace posefleet

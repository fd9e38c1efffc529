#include "common/net/socket.h"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <random>

#include <fmt/format.h>
#include <zmq.h>

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

// Owns one received frame.
class Frame final {
 public:
  Frame() { zmq_msg_init(&message_); }
  ~Frame() { zmq_msg_close(&message_); }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  bool receive(void* socket) { return zmq_msg_recv(&message_, socket, ZMQ_DONTWAIT) >= 0; }
  bool has_more() const { return zmq_msg_more(&message_) != 0; }
  std::string bytes() {
    return {static_cast<const char*>(zmq_msg_data(&message_)), zmq_msg_size(&message_)};
  }
  // The descriptor of the connection that brought it; the first frame of a message does not know.
  int connection() { return zmq_msg_get(&message_, ZMQ_SRCFD); }

 private:
  zmq_msg_t message_;
};

// Takes one message apart; false when none waits.
bool receive_frames(void* socket, std::vector<std::string>& frames, int& connection) {
  frames.clear();
  bool more = true;
  while (more) {
    Frame frame;
    if (!frame.receive(socket)) return false;
    more = frame.has_more();
    connection = frame.connection();
    frames.push_back(frame.bytes());
  }
  return true;
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
  const std::string_view host = address.substr(0, address.rfind(':'));
  // Digits and dots alone: 127.example.org is a name that may lead anywhere.
  const bool is_ipv4 = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return (host.starts_with("127.") && is_ipv4) || host == "[::1]" || host == "localhost";
}

Result<std::unique_ptr<RouterSocket>> RouterSocket::bind(NetContext& context,
                                                         const std::string& endpoint,
                                                         std::uint64_t message_bytes_max) {
  std::unique_ptr<RouterSocket> router(new RouterSocket);
  router->socket_ = zmq_socket(context.handle(), ZMQ_ROUTER);
  POSEFLEET_CHECK(router->socket_ != nullptr);
  set_common_options(router->socket_);
  set_option(router->socket_, ZMQ_ROUTER_MANDATORY, 1);
  set_option(router->socket_, ZMQ_ROUTER_HANDOVER, 1);
  const std::int64_t size_max = static_cast<std::int64_t>(message_bytes_max);
  zmq_setsockopt(router->socket_, ZMQ_MAXMSGSIZE, &size_max, sizeof size_max);
  // The monitor's name must differ between the sockets of a context.
  static std::atomic<int> monitor_number = 0;
  const std::string monitor_name = fmt::format("inproc://monitor-{}", ++monitor_number);
  POSEFLEET_CHECK(
      zmq_socket_monitor(router->socket_, monitor_name.c_str(), ZMQ_EVENT_DISCONNECTED) == 0);
  router->monitor_ = zmq_socket(context.handle(), ZMQ_PAIR);
  set_option(router->monitor_, ZMQ_LINGER, 0);
  POSEFLEET_CHECK(zmq_connect(router->monitor_, monitor_name.c_str()) == 0);
  if (zmq_bind(router->socket_, endpoint.c_str()) != 0) return net_error("listen on", endpoint);
  char bound[256] = {};
  std::size_t size = sizeof bound;
  zmq_getsockopt(router->socket_, ZMQ_LAST_ENDPOINT, bound, &size);
  router->endpoint_ = bound;
  return router;
}

RouterSocket::~RouterSocket() {
  if (socket_ != nullptr) {
    zmq_socket_monitor(socket_, nullptr, 0);
    zmq_close(socket_);
  }
  if (monitor_ != nullptr) zmq_close(monitor_);
}

std::optional<PeerMessage> RouterSocket::receive() {
  std::vector<std::string> frames;
  int connection = -1;
  while (receive_frames(socket_, frames, connection)) {
    if (frames.size() == 2) {
      return PeerMessage{std::move(frames[0]), connection, std::move(frames[1])};
    }
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

std::vector<int> RouterSocket::take_closed_connections() {
  std::vector<int> closed;
  std::vector<std::string> frames;
  int ignored = -1;
  while (receive_frames(monitor_, frames, ignored)) {
    // First frame: 16 bits of event, 32 bits of value, which is the descriptor.
    if (frames.empty() || frames[0].size() < 6) continue;
    std::int32_t fd = -1;
    __builtin_memcpy(&fd, frames[0].data() + 2, sizeof fd);
    closed.push_back(fd);
  }
  return closed;
}

Result<std::unique_ptr<DealerSocket>> DealerSocket::connect(NetContext& context,
                                                            const std::string& endpoint) {
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
  if (zmq_connect(dealer->socket_, endpoint.c_str()) != 0) {
    return net_error("connect to", endpoint);
  }
  return dealer;
}

DealerSocket::~DealerSocket() {
  if (socket_ != nullptr) zmq_close(socket_);
}

std::optional<std::string> DealerSocket::receive() {
  std::vector<std::string> frames;
  int ignored = -1;
  while (receive_frames(socket_, frames, ignored)) {
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

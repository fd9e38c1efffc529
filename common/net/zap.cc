#include "common/net/zap.h"

#include <optional>
#include <string>
#include <vector>

#include <zmq.h>

#include "common/net/frames.h"

namespace posefleet {
namespace {

constexpr const char* kEndpoint = "inproc://zeromq.zap.01";

// The frames of a question, in the order of RFC 27.
enum Question { kVersion, kRequestId, kDomain, kAddress, kIdentity, kMechanism, kKey, kFrames };

void send_text(void* socket, std::string_view text, bool is_last) {
  zmq_send(socket, text.data(), text.size(), ZMQ_DONTWAIT | (is_last ? 0 : ZMQ_SNDMORE));
}

// The user's name is the key itself: names are for people and may change while it is connected.
void send_answer(void* socket, std::string_view request_id, const PublicKey* allowed) {
  send_text(socket, "1.0", false);
  send_text(socket, request_id, false);
  send_text(socket, allowed != nullptr ? "200" : "400", false);
  send_text(socket, allowed != nullptr ? "" : "this key is not allowed", false);
  send_text(socket, allowed != nullptr ? std::string_view(allowed->text()) : "", false);
  send_text(socket, "", true);
}

std::optional<PublicKey> key_of(const std::vector<std::string>& question) {
  if (question.size() != kFrames || question[kMechanism] != "CURVE" || question[kKey].size() != 32)
    return std::nullopt;
  char text[kKeyCharacters + 1] = {};
  zmq_z85_encode(text, reinterpret_cast<const std::uint8_t*>(question[kKey].data()), 32);
  auto key = PublicKey::parse(text);
  if (!key) return std::nullopt;
  return std::move(*key);
}

// As people write it, where a socket for both kinds of address has it as ::ffff:10.0.0.7.
std::string_view plain_address(std::string_view address) {
  constexpr std::string_view kMapped = "::ffff:";
  return address.starts_with(kMapped) ? address.substr(kMapped.size()) : address;
}

}  // namespace

Result<std::unique_ptr<ZapDoor>> ZapDoor::open(NetContext& context) {
  std::unique_ptr<ZapDoor> door(new ZapDoor);
  door->socket_ = zmq_socket(context.handle(), ZMQ_REP);
  POSEFLEET_CHECK(door->socket_ != nullptr);
  const int linger = 0;
  zmq_setsockopt(door->socket_, ZMQ_LINGER, &linger, sizeof linger);
  if (zmq_bind(door->socket_, kEndpoint) != 0) {
    return internal_error(std::string("cannot answer for keys: ") + zmq_strerror(zmq_errno()));
  }
  return door;
}

ZapDoor::~ZapDoor() {
  if (socket_ != nullptr) zmq_close(socket_);
}

void ZapDoor::answer(const IsAllowed& is_allowed) {
  std::vector<std::string> question;
  while (net::receive_frames(socket_, question)) {
    const std::optional<PublicKey> key = key_of(question);
    const bool may_enter = key && is_allowed(*key, plain_address(question[kAddress]));
    const std::string id = question.size() > kRequestId ? question[kRequestId] : "";
    send_answer(socket_, id, may_enter ? &*key : nullptr);
  }
}

}  // namespace posefleet

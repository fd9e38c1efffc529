// Receiving messages frame by frame. Private to the folder: it shows the library.
#pragma once

#include <string>
#include <vector>

#include <zmq.h>

namespace posefleet::net {

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
  // The next two are not known to the first frame of a message, which is the peer's identity.
  // The descriptor of the connection that brought it.
  int connection() { return zmq_msg_get(&message_, ZMQ_SRCFD); }
  // What the door said about the peer; empty without keys.
  std::string user() const {
    const char* user = zmq_msg_gets(&message_, "User-Id");
    return user == nullptr ? "" : user;
  }

 private:
  zmq_msg_t message_;
};

// Where a message came from, as its last frame tells.
struct Origin {
  int connection = -1;
  std::string user;
};

// Takes one message apart; false when none waits.
inline bool receive_frames(void* socket, std::vector<std::string>& frames,
                           Origin* origin = nullptr) {
  frames.clear();
  bool more = true;
  while (more) {
    Frame frame;
    if (!frame.receive(socket)) return false;
    more = frame.has_more();
    if (!more && origin != nullptr) *origin = {frame.connection(), frame.user()};
    frames.push_back(frame.bytes());
  }
  return true;
}

}  // namespace posefleet::net

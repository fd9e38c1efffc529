// What a worker does about its coordinator: sessions, credit, which granted range runs next, and
// results that are kept until they are acknowledged.
//
// The line of work itself (decode, network, drawing) is elsewhere; it reports here that a range was
// started, moved on, finished or failed. The coordinator may vanish, restart, forget us or repeat
// itself: we answer with Hello on a new socket, list what we hold, and send results again. Results
// are never thrown away before a ResultAck.
//
// Pure: events and the time go in, commands come out in the order in which they must be done. One
// thread calls it.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "common/protocol/messages.h"

namespace posefleet::core {

using Instant = std::chrono::nanoseconds;

struct WorkerSettings {
  std::uint32_t executors = 1;  // ranges that run at the same time
  std::uint32_t prefetch = 1;   // ranges that wait, for each executor
  std::chrono::milliseconds hello_every{500};
  // An unacknowledged result is offered again after that long.
  std::chrono::milliseconds resend_every{3000};
  // A coordinator that never answered for so long is not there: the worker tries a new socket.
  std::chrono::milliseconds reconnect_every{10'000};
};

// ---- commands -----------------------------------------------------------------------------------

struct OpenSocket {};  // close the present one, open a new one with a new identity
struct Send {
  WorkerMessage message;
};
// Send the result's bytes in parts of at most `part_bytes_max`, then `done`.
struct SendResult {
  ResultDone done;
  std::uint64_t part_bytes_max = 0;
};
struct StartRange {
  Grant grant;
};
struct StopRange {
  RangeId range{};
};
struct ForgetResult {
  RangeId range{};
};
struct Leave {
  int exit_code = 0;
  std::string reason;
};

using WorkerCommand =
    std::variant<OpenSocket, Send, SendResult, StartRange, StopRange, ForgetResult, Leave>;
using WorkerCommands = std::vector<WorkerCommand>;

class Worker final {
 public:
  // `hello` holds all but what belongs to the present moment.
  Worker(WorkerSettings settings, Hello hello);

  WorkerCommands on_start(Instant now);
  WorkerCommands on_message(const CoordinatorMessage& message, Instant now);
  WorkerCommands on_tick(Instant now);
  // From the executors: whole frames, and units of work within them.
  void on_progress(RangeId range, std::uint32_t frames_done, std::uint32_t steps = 0);
  WorkerCommands on_finished(RangeId range, std::uint64_t size, const std::string& sha256,
                             const RangeStats& stats, Instant now);
  WorkerCommands on_failed(RangeId range, FailClass fail_class, const std::string& message,
                           Instant now);
  // The coordinator does not let us in any more (a key was revoked): the session is over, and a new
  // one may begin when it does.
  WorkerCommands on_shut_out(Instant now);
  // SIGTERM: give back what has not started, finish what has, leave when all is acknowledged.
  WorkerCommands on_drain(Instant now);

  bool has_session() const { return session_.has_value(); }
  std::size_t ranges_held() const { return held_.size(); }

 private:
  struct Held {
    Grant grant;
    std::uint32_t frames_done = 0;
    std::uint32_t steps = 0;
    bool is_executing = false;
  };
  struct Kept {
    ResultDone done;
    Instant sent_at{};
  };

  void say_hello(Instant now, WorkerCommands& commands);
  void beat(Instant now, WorkerCommands& commands);
  void start_waiting(Instant now, WorkerCommands& commands);
  void release(RangeId range, Instant now, WorkerCommands& commands);
  void give_credit(Instant now, WorkerCommands& commands);
  void leave_if_empty(WorkerCommands& commands);
  void open_session(Instant now, WorkerCommands& commands);
  std::uint64_t result_bytes_max() const;
  std::uint64_t capacity() const { return settings_.executors * (1 + settings_.prefetch); }

  void handle(const Welcome& welcome, Instant now, WorkerCommands& commands);
  void handle(const Grant& grant, Instant now, WorkerCommands& commands);
  void handle(const ResultAck& ack, Instant now, WorkerCommands& commands);
  void handle(const ResendResult& resend, Instant now, WorkerCommands& commands);
  void handle(const CancelRange& cancel, Instant now, WorkerCommands& commands);
  void handle(const UnknownSession&, Instant now, WorkerCommands& commands);
  void handle(const Refused& refused, Instant now, WorkerCommands& commands);

  WorkerSettings settings_;
  Hello hello_;  // as said on the present socket
  std::optional<Welcome> session_;
  std::uint64_t epoch_ = 0;         // highest seen
  std::uint64_t credit_total_ = 0;  // of this session
  std::set<Token> granted_;         // in this session
  bool is_draining_ = false;
  bool has_left_ = false;
  Instant opened_at_{};
  Instant said_hello_at_{};
  Instant beat_at_{};
  std::map<RangeId, Held> held_;
  std::deque<RangeId> waiting_;  // of held_, in the order of their grants
  std::uint32_t executing_ = 0;
  std::map<RangeId, Kept> kept_;  // finished, not acknowledged
};

}  // namespace posefleet::core

// A session that answers each grant at once with a small result: real socket, real messages, no
// work.
//
// It says what a real worker says: the result's parts, its announcement, and, when the
// acknowledgement has come, a heartbeat that gives credit for one more.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/net/socket.h"
#include "common/process/clock.h"
#include "common/protocol/messages.h"

namespace posefleet::bench {

// When something happened to each pose range, by number of the range: a render range is ready once
// the last of those up to its end is committed. Written and read by all threads of a fleet.
class PoseTimes final {
 public:
  explicit PoseTimes(std::size_t pose_ranges) : at_(pose_ranges) {}
  void note(const FrameRange& frames, Instant time);
  // Where somebody has come to in asking for ever later ranges.
  struct Cursor {
    std::size_t next = 0;
    std::int64_t last = 0;
  };
  // The last one of all from the first frame to the end of these; 0 when it did not happen to one
  // of them.
  Instant last_until(const FrameRange& frames, Cursor& cursor) const;

 private:
  std::vector<std::atomic<std::int64_t>> at_;
};

struct PoseProgress {
  explicit PoseProgress(std::size_t pose_ranges) : announced(pose_ranges), committed(pose_ranges) {}
  PoseTimes announced;  // ResultDone was sent
  PoseTimes committed;  // its ResultAck came
};

// Of one thread.
struct Figures {
  std::uint64_t commits = 0;  // acknowledged
  std::vector<float> credit_to_grant_ms;
  // Of render ranges: from the announcement of the last result that they need, with its commit; and
  // from the word that it is committed, which makes them ready.
  std::vector<float> result_to_grant_ms;
  std::vector<float> ready_to_grant_ms;
};

struct WorkerOptions {
  Stage role = Stage::Pose;
  std::string model_hash;
  std::uint32_t credit = 4;
  std::uint32_t people = 0;  // in each frame of a pose result
};

// One thread.
class FakeWorker final {
 public:
  static Result<std::unique_ptr<FakeWorker>> connect(NetContext& context,
                                                     const std::string& endpoint,
                                                     const WorkerOptions& options,
                                                     PoseProgress& poses);

  void* handle() const { return socket_->handle(); }
  // Takes what has come; with `figures` it is counted.
  void receive(Figures* figures);
  Stage role() const { return options_.role; }
  bool has_result() const { return !granted_.empty(); }
  // Sends the oldest granted range's result.
  void send_result();
  // Says Hello or a heartbeat if it is time.
  void tick(Instant now);
  bool has_session() const { return session_ != SessionId{}; }

 private:
  FakeWorker(std::unique_ptr<DealerSocket> socket, const WorkerOptions& options,
             PoseProgress& poses);
  void on_grant(const Grant& grant, Figures* figures);
  void on_ack(const ResultAck& ack, Figures* figures);
  void beat(Instant now);
  void send(const WorkerMessage& message);

  std::unique_ptr<DealerSocket> socket_;
  WorkerOptions options_;
  PoseProgress& poses_;
  PoseTimes::Cursor announced_;
  PoseTimes::Cursor committed_;
  Hello hello_;
  SessionId session_{};
  std::uint64_t credit_total_ = 0;
  Instant said_{};
  std::uint64_t heartbeat_ms_ = 1000;
  std::deque<Grant> granted_;
  std::map<RangeId, Grant> sent_;     // without their tasks
  std::deque<Instant> credit_given_;  // for which no grant has come
};

}  // namespace posefleet::bench

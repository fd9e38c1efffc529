#include "bench/scheduler/fake_worker.h"

#include <algorithm>
#include <random>

#include "bench/scheduler/coordinator_process.h"
#include "common/base/check.h"
#include "common/files/sha256.h"
#include "common/protocol/poses.h"
#include "common/wire/codec.h"

namespace posefleet::bench {
namespace {

// A drawn segment has megabytes for seconds of video; here it is the messages that count.
constexpr std::size_t kSegmentBytes = 4096;

float milliseconds(Instant time) {
  return static_cast<float>(seconds(time) * 1000);
}

std::string result_of(const Grant& grant, std::uint32_t people) {
  if (grant.stage == Stage::Render) return std::string(kSegmentBytes, 's');
  RangePoses poses;
  for (std::uint32_t frame = grant.frames.first; frame < grant.frames.end; ++frame) {
    poses.push_back({frame, std::vector<PersonPose>(people)});
  }
  return encode(poses);
}

}  // namespace

void PoseTimes::note(const FrameRange& frames, Instant time) {
  const std::size_t at = frames.first / kPoseFrames;
  if (at < at_.size()) at_[at].store(time.count(), std::memory_order_relaxed);
}

Instant PoseTimes::last_until(const FrameRange& frames, Cursor& cursor) const {
  // Ranges come in the order of their frames, but for those that were given back.
  const std::size_t end = (frames.end + kPoseFrames - 1) / kPoseFrames;
  if (cursor.next > end) cursor = {};
  for (; cursor.next < std::min(end, at_.size()); ++cursor.next) {
    const std::int64_t time = at_[cursor.next].load(std::memory_order_relaxed);
    if (time == 0) return {};
    cursor.last = std::max(cursor.last, time);
  }
  return Instant(cursor.last);
}

FakeWorker::FakeWorker(std::unique_ptr<DealerSocket> socket, const WorkerOptions& options,
                       PoseProgress& poses)
    : socket_(std::move(socket)), options_(options), poses_(poses) {
  std::random_device device;
  hello_.worker = "fake";
  hello_.incarnation = (std::uint64_t{device()} << 32) | device();
  hello_.host = "bench";
  hello_.role = options.role;
  hello_.device = "none";
  hello_.model_hash = options.model_hash;
  hello_.credit_total = credit_total_ = options.credit;
}

Result<std::unique_ptr<FakeWorker>> FakeWorker::connect(NetContext& context,
                                                        const std::string& endpoint,
                                                        const WorkerOptions& options,
                                                        PoseProgress& poses) {
  POSEFLEET_TRY(std::unique_ptr<DealerSocket> socket, DealerSocket::connect(context, endpoint));
  return std::unique_ptr<FakeWorker>(new FakeWorker(std::move(socket), options, poses));
}

void FakeWorker::receive(Figures* figures) {
  while (const std::optional<std::string> bytes = socket_->receive()) {
    const auto message = decode_coordinator_message(*bytes);
    POSEFLEET_CHECK(message.has_value());
    if (const auto* welcome = std::get_if<Welcome>(&*message)) {
      session_ = welcome->session;
      heartbeat_ms_ = welcome->heartbeat_ms;
    } else if (const auto* grant = std::get_if<Grant>(&*message)) {
      on_grant(*grant, figures);
    } else if (const auto* ack = std::get_if<ResultAck>(&*message)) {
      on_ack(*ack, figures);
    }
  }
}

void FakeWorker::on_grant(const Grant& grant, Figures* figures) {
  const Instant time = now();
  if (!credit_given_.empty()) {
    if (figures != nullptr && options_.role == Stage::Pose) {
      figures->credit_to_grant_ms.push_back(milliseconds(time - credit_given_.front()));
    }
    credit_given_.pop_front();
  }
  if (figures != nullptr && grant.stage == Stage::Render) {
    const Instant result = poses_.announced.last_until(grant.frames, announced_);
    if (result != Instant{}) figures->result_to_grant_ms.push_back(milliseconds(time - result));
    // The word may be read by another thread than the grant, and later.
    const Instant ready = std::min(time, poses_.committed.last_until(grant.frames, committed_));
    if (ready != Instant{}) figures->ready_to_grant_ms.push_back(milliseconds(time - ready));
  }
  granted_.push_back(grant);
}

void FakeWorker::send_result() {
  Grant grant = std::move(granted_.front());
  granted_.pop_front();
  const std::string bytes = result_of(grant, options_.people);
  send(ResultPart{session_, grant.range, grant.token, 0, bytes});
  if (grant.stage == Stage::Pose) poses_.announced.note(grant.frames, now());
  send(ResultDone{session_,
                  grant.range,
                  grant.token,
                  grant.plan_hash,
                  bytes.size(),
                  sha256_hex(bytes),
                  grant.frames.size(),
                  {}});
  grant.task.clear();
  sent_[grant.range] = std::move(grant);
}

void FakeWorker::on_ack(const ResultAck& ack, Figures* figures) {
  const auto sent = sent_.extract(ack.range);
  if (!sent) return;
  if (options_.role == Stage::Pose) poses_.committed.note(sent.mapped().frames, now());
  if (figures != nullptr) ++figures->commits;
  ++credit_total_;
  credit_given_.push_back(now());
  beat(credit_given_.back());
}

void FakeWorker::beat(Instant now) {
  Heartbeat beat{session_, credit_total_, {}};
  for (const Grant& grant : granted_) beat.held.push_back({grant.range, grant.token, 0, true, 0});
  for (const auto& [range, grant] : sent_) beat.held.push_back({range, grant.token, 0, true, 0});
  send(beat);
  said_ = now;
}

void FakeWorker::tick(Instant now) {
  if (now - said_ < std::chrono::milliseconds(heartbeat_ms_)) return;
  if (has_session()) {
    beat(now);
  } else {
    send(hello_);
    said_ = now;
  }
}

void FakeWorker::send(const WorkerMessage& message) {
  // Not connected yet, at the beginning: said again a heartbeat later.
  [[maybe_unused]] const Status sent = socket_->send(encode(message));
}

}  // namespace posefleet::bench

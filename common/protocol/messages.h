// What coordinator and workers say to each other: plain structs, encoded by common/wire.
//
// The conversation (docs/protocol.md has the reasons): a worker opens a socket and says Hello; the
// coordinator answers Welcome with a session. It then pushes Grants, never more than the worker's
// credit allows; the worker sends Heartbeats that show progress, ships a finished range's bytes as
// ResultParts followed by one ResultDone, and keeps those bytes until the ResultAck. Every message
// may be lost or come twice; nothing here is lost or done twice because of it.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/protocol/ids.h"

namespace posefleet {

// Raised when an old peer could misread a new message. A worker of another version is refused.
inline constexpr std::uint32_t kProtocolVersion = 1;

// A range that a worker holds, and how far it is.
struct HeldLease {
  RangeId range{};
  Token token;
  std::uint32_t frames_done = 0;
  bool is_executing = false;  // false: prefetched, waiting its turn
  // Units of work, many in a frame: a batch of the full network takes longer than a lease on a slow
  // machine, and must not look like a hang.
  std::uint32_t steps = 0;
  bool operator==(const HeldLease&) const = default;
};

struct ResultId {
  RangeId range{};
  Token token;
  bool operator==(const ResultId&) const = default;
};

// ---- worker to coordinator ------------------------------------------------------------------

// Whether a pose worker can look for people itself.
enum class DetectorState : std::uint8_t {
  None = 0,  // the model has no detector, or this is a render worker
  Loaded = 1,
  Failed = 2,  // whole frames are taken as the people's boxes
};

struct Hello {
  std::uint32_t protocol_version = kProtocolVersion;
  std::string worker;             // a name for people: host, role, pid
  std::uint64_t incarnation = 0;  // random, one per process start
  std::string host;
  std::uint64_t pid = 0;
  Stage role = Stage::Pose;
  std::string device;        // for people: "cpu, 2 threads, oneDNN 2.6"
  std::uint32_t models = 0;  // resident instances; 0 for render workers
  // The model folder that it serves, pose workers with their precision (precision.h); a range of
  // another is not granted.
  std::string model_hash;
  std::uint64_t credit_total = 0;
  std::vector<HeldLease> held;
  std::vector<ResultId> unacknowledged;
  DetectorState detector_state = DetectorState::None;
  std::string detector;  // for people: which one is loaded, or why it is not
  // What it can take and keep. A range that needs more is no use to it: it fails, with the number,
  // goes to another worker, and is cut into halves where nobody takes it. 0: it does not say.
  std::uint64_t task_bytes_max = 0;    // of a Grant's task
  std::uint64_t result_bytes_max = 0;  // of a result, until it is acknowledged
  // Not sent: the name of the key that the worker's connection has proven, written here by the
  // coordinator when the message arrives. Empty without keys.
  std::string key_name;
  bool operator==(const Hello&) const = default;
};

struct Heartbeat {
  SessionId session{};
  // Grants that this session may ever receive: a cumulative window, so a lost heartbeat leaks none.
  // What the session's Hello listed, held or unacknowledged, counts as received.
  std::uint64_t credit_total = 0;
  std::vector<HeldLease> held;
  bool operator==(const Heartbeat&) const = default;
};

// A piece of a result's bytes; pieces come in order, each starting where the last one ended.
struct ResultPart {
  SessionId session{};
  RangeId range{};
  Token token;
  std::uint64_t offset = 0;
  std::string bytes;
  bool operator==(const ResultPart&) const = default;
};

// Figures of one range's computation; summed up for people, never used for decisions.
struct RangeStats {
  std::uint32_t frames_with_people = 0;
  std::uint32_t people = 0;
  std::uint32_t frames_kept_original = 0;  // drawing failed: the source's picture stands
  double decode_seconds = 0;
  double work_seconds = 0;  // network, or drawing
  double encode_seconds = 0;
  // The detector was asked for and not there: the whole frame was somebody's box.
  std::uint32_t frames_undetected = 0;
  bool operator==(const RangeStats&) const = default;
};

struct ResultDone {
  SessionId session{};
  RangeId range{};
  Token token;
  std::string plan_hash;  // of the plan that was computed; must be the one that was granted
  std::uint64_t size = 0;
  std::string sha256;
  std::uint32_t frames = 0;
  RangeStats stats;
  bool operator==(const ResultDone&) const = default;
};

enum class FailClass : std::uint8_t {
  Data = 0,      // these frames, here and now: counts against the range
  Worker = 1,    // this worker's trouble (memory, device, disk): another may do it
  Returned = 2,  // not started, given back: costs nothing
};

struct Fail {
  SessionId session{};
  RangeId range{};
  Token token;
  FailClass fail_class = FailClass::Data;
  std::string message;
  bool operator==(const Fail&) const = default;
};

struct Bye {
  SessionId session{};
  bool operator==(const Bye&) const = default;
};

// ---- coordinator to worker ------------------------------------------------------------------

struct Welcome {
  SessionId session{};
  std::uint64_t epoch = 0;
  std::uint32_t heartbeat_ms = 1000;
  std::uint64_t part_bytes_max = 0;    // of one ResultPart
  std::uint64_t result_bytes_max = 0;  // of a whole result: the smaller of both sides'
  std::vector<ResultId> drop;          // leases that the worker holds and shall forget
  bool operator==(const Welcome&) const = default;
};

struct Grant {
  SessionId session{};
  RangeId range{};
  Token token;
  Stage stage = Stage::Pose;
  FrameRange frames;
  std::string plan_hash;
  std::uint32_t lease_ms = 0;  // the promise ends that long after the last progress
  std::string task;            // a PoseTask or RenderTask, encoded; opaque to both cores
  bool operator==(const Grant&) const = default;
};

// The result is safe (or was already, or nobody needs it): the worker may forget it.
struct ResultAck {
  RangeId range{};
  Token token;
  bool operator==(const ResultAck&) const = default;
};

// The bytes that arrived are not the announced ones: send them again from the start.
struct ResendResult {
  RangeId range{};
  Token token;
  bool operator==(const ResendResult&) const = default;
};

struct CancelRange {
  RangeId range{};
  Token token;
  bool operator==(const CancelRange&) const = default;
};

// The coordinator does not know this session: open a new socket and say Hello.
struct UnknownSession {
  bool operator==(const UnknownSession&) const = default;
};

// This worker will not be served, for a reason that will not pass by itself.
struct Refused {
  std::string reason;
  bool operator==(const Refused&) const = default;
};

using WorkerMessage = std::variant<Hello, Heartbeat, ResultPart, ResultDone, Fail, Bye>;
using CoordinatorMessage =
    std::variant<Welcome, Grant, ResultAck, ResendResult, CancelRange, UnknownSession, Refused>;

}  // namespace posefleet

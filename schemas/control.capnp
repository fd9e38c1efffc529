@0xe89249cae2b80633;
# What a worker and the coordinator say to each other over one ZeroMQ DEALER/ROUTER pair: one message = one Cap'n Proto
# message in one frame. Comments are written from the sender's side. Field numbers are never used again.
# A receiver that meets a union member it does not know drops the message and counts it.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("posefleet::schema");

struct Token {
  # Fences off late writers. Ordered by (epoch, seq).
  epoch @0 :UInt64;
  seq @1 :UInt64;
}

struct HeldLease {
  range @0 :UInt64;
  token @1 :Token;
  framesDone @2 :UInt32;
  # Whole frames. The coordinator renews a lease only when this or steps grew.
  isExecuting @3 :Bool;
  # False for a range that waits its turn in the worker: its loss is not charged to the range.
  steps @4 :UInt32;
  # Grows with each unit of work, many in a frame. 0 from workers that do not count them.
}

struct ResultId {
  range @0 :UInt64;
  token @1 :Token;
}

enum Stage {
  pose @0;
  render @1;
}

enum DetectorState {
  none @0;
  loaded @1;
  failed @2;
}

struct Hello {
  # A worker's first words on a new socket, repeated every second until the coordinator answers. Twice is as good as once:
  # the coordinator answers with the same session for the same socket.
  protocolVersion @0 :UInt32;
  # Another version is answered by Refused.
  worker @1 :Text;
  incarnation @2 :UInt64;
  host @3 :Text;
  pid @4 :UInt64;
  role @5 :Stage;
  device @6 :Text;
  models @7 :UInt32;
  modelHash @8 :Text;
  creditTotal @9 :UInt64;
  held @10 :List(HeldLease);
  # After a lost session: what I still compute. The coordinator adopts it or tells me to drop it.
  unacknowledged @11 :List(ResultId);
  # Results whose ResultAck I never saw; I send them again after the Welcome.
  detectorState @12 :DetectorState;
  detector @13 :Text;
  # For people: which detector is loaded, or why it is not. A worker that does not know these two has none.
  taskBytesMax @14 :UInt64;
  # The largest Grant.task that I take. 0, and from workers that do not know it: whatever you have.
  resultBytesMax @15 :UInt64;
  # The largest result that I keep until it is acknowledged; the Welcome answers with the smaller of yours and mine. 0: yours.
}

struct Heartbeat {
  # Sent every Welcome.heartbeatMs. A lost one does no harm, six lost in a row end the session.
  session @0 :UInt64;
  creditTotal @1 :UInt64;
  # How many Grants this session may ever get, counted from its start: cumulative, so that a lost message leaks no credit.
  held @2 :List(HeldLease);
}

struct ResultPart {
  # A piece of a result, at most Welcome.partBytesMax bytes, in order of offset. Offset 0 begins anew.
  session @0 :UInt64;
  range @1 :UInt64;
  token @2 :Token;
  offset @3 :UInt64;
  bytes @4 :Data;
}

struct RangeStats {
  framesWithPeople @0 :UInt32;
  people @1 :UInt32;
  framesKeptOriginal @2 :UInt32;
  decodeSeconds @3 :Float64;
  workSeconds @4 :Float64;
  encodeSeconds @5 :Float64;
  framesUndetected @6 :UInt32;
  # A detector was asked for and could not be loaded: the whole frame was taken.
}

struct ResultDone {
  # All parts are sent. I keep the bytes until ResultAck and say this again if none comes.
  session @0 :UInt64;
  range @1 :UInt64;
  token @2 :Token;
  planHash @3 :Text;
  size @4 :UInt64;
  sha256 @5 :Text;
  frames @6 :UInt32;
  stats @7 :RangeStats;
}

enum FailClass {
  data @0;
  # These frames fail here and now: charged to the range.
  worker @1;
  # My memory, device or disk: charged to nobody, another worker may do it.
  returned @2;
  # Not started, given back while draining.
}

struct Fail {
  # I hold the lease no longer. If this is lost, the lease's end says the same, later.
  session @0 :UInt64;
  range @1 :UInt64;
  token @2 :Token;
  failClass @3 :FailClass;
  message @4 :Text;
}

struct Bye {
  # I leave and hold nothing. If lost, silence says the same.
  session @0 :UInt64;
}

struct WorkerMessage {
  union {
    hello @0 :Hello;
    heartbeat @1 :Heartbeat;
    resultPart @2 :ResultPart;
    resultDone @3 :ResultDone;
    fail @4 :Fail;
    bye @5 :Bye;
  }
}

struct Welcome {
  # Answers Hello. From now on the session's grants may come.
  session @0 :UInt64;
  epoch @1 :UInt64;
  # How often this coordinator's store was opened. A worker ignores words of an older epoch than it has seen.
  heartbeatMs @2 :UInt32;
  partBytesMax @3 :UInt64;
  resultBytesMax @4 :UInt64;
  # Of a whole result: the smaller of mine and Hello.resultBytesMax.
  drop @5 :List(ResultId);
  # Of what Hello listed: no longer wanted from you.
}

struct Grant {
  # A promise: until leaseMs after your last progress nobody else gets this range. If this message is lost, the lease ends
  # and the range is granted again.
  session @0 :UInt64;
  range @1 :UInt64;
  token @2 :Token;
  stage @3 :Stage;
  firstFrame @4 :UInt32;
  endFrame @5 :UInt32;
  planHash @6 :Text;
  leaseMs @7 :UInt32;
  task @8 :Data;
  # A PoseTask or RenderTask of result.capnp.
}

struct ResultAck {
  # The result is in the store, or was before, or nobody wants it: forget it. If lost, you send ResultDone again.
  range @0 :UInt64;
  token @1 :Token;
}

struct ResendResult {
  # What I have of this result is not what ResultDone announced: send all of it again.
  range @0 :UInt64;
  token @1 :Token;
}

struct CancelRange {
  # Stop working on it; no answer is expected.
  range @0 :UInt64;
  token @1 :Token;
}

struct CoordinatorMessage {
  union {
    welcome @0 :Welcome;
    grant @1 :Grant;
    resultAck @2 :ResultAck;
    resendResult @3 :ResendResult;
    cancelRange @4 :CancelRange;
    unknownSession @5 :Void;
    # Your session is not mine (I was restarted, or gave you up): say Hello on a new socket.
    refused @6 :Text;
    # You will not be served, and why.
  }
}

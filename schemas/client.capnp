@0x827a8eec564b3520;
# What a client on the same machine asks a coordinator, and its answers. One question, one answer; asking again is safe.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("posefleet::schema");
using Control = import "control.capnp";

struct Submit {
  # Make this job. The answer comes after the job is in the store. The same key and spec give the same job.
  idempotencyKey @0 :Text;
  spec @1 :Text;
  # JSON, checked strictly; an unknown field is an error.
}

struct ClientRequest {
  union {
    submit @0 :Submit;
    status @1 :UInt64;
    # Of this job.
    cancel @2 :UInt64;
    # Stop this job; answered by its status. A finished job stays as it is.
    workers @3 :UInt32;
    # Who is there? Leave out that many of them; answered by a part of the list.
  }
}

enum JobState {
  submitted @0;
  probing @1;
  running @2;
  assembling @3;
  succeeded @4;
  failed @5;
  cancelled @6;
}

struct StageProgress {
  stage @0 :Control.Stage;
  framesDone @1 :UInt64;
  framesTotal @2 :UInt64;
  workers @3 :UInt32;
  stats @4 :Control.RangeStats;
}

struct JobStatus {
  job @0 :UInt64;
  state @1 :JobState;
  error @2 :Text;
  stages @3 :List(StageProgress);
  retries @4 :UInt64;
  warnings @5 :List(Text);
  result @6 :Text;
  trouble @7 :Text;
  # Why nothing can be stored at the moment; empty when all is well.
}

enum WorkerState {
  active @0;
  suspect @1;
  draining @2;
}

struct WorkerInfo {
  session @0 :UInt64;
  worker @1 :Text;
  host @2 :Text;
  pid @3 :UInt64;
  role @4 :Control.Stage;
  device @5 :Text;
  models @6 :UInt32;
  modelHash @7 :Text;
  keyName @8 :Text;
  state @9 :WorkerState;
  framesPerSecond @10 :Float64;
  rangesHeld @11 :UInt32;
  job @12 :UInt64;
  # What it executes now; 0: nothing, and the next three mean nothing.
  firstFrame @13 :UInt32;
  endFrame @14 :UInt32;
  framesDone @15 :UInt32;
}

struct ClientReply {
  union {
    submitted :group {
      idempotencyKey @0 :Text;
      job @1 :UInt64;
    }
    status @2 :JobStatus;
    error @3 :Text;
    workers :group {
      first @4 :UInt32;
      total @5 :UInt32;
      # If first and the list's length do not reach it, ask again from there.
      list @6 :List(WorkerInfo);
    }
  }
}

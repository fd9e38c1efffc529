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

struct ClientReply {
  union {
    submitted :group {
      idempotencyKey @0 :Text;
      job @1 :UInt64;
    }
    status @2 :JobStatus;
    error @3 :Text;
  }
}

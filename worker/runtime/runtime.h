// A worker's loop: wait, decode, ask the rules, do what they say.
//
// One thread owns the socket and the rules; each executor has a thread of its own. They meet at two
// queues, and the progress counters are read for the heartbeats. A hung executor therefore does not
// keep the worker from beating, but its range shows no progress and is given to somebody else.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/net/curve.h"
#include "common/process/wake.h"
#include "common/protocol/messages.h"
#include "worker/runtime/executor.h"

namespace posefleet {

struct RuntimeConfig {
  std::string coordinator;         // endpoint
  std::optional<ClientKeys> keys;  // nothing: without keys
  Hello hello;                     // who we are; the moment's fields are filled in by the rules
  // Ranges that wait for each executor, so that it need not wait for the coordinator.
  std::uint32_t prefetch = 1;
};

class Runtime final {
 public:
  // `stop` must outlive this.
  Runtime(const RuntimeConfig& config, std::vector<std::unique_ptr<RangeExecutor>> executors,
          StopSignal& stop);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Until SIGTERM and all results are acknowledged, or the coordinator refuses
  // us. A second signal, or 10 s without an end, leaves at once: what is unfinished is done
  // elsewhere. The process's exit code.
  int run();

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

// Host name, pid and so on, common to all workers.
Hello describe_process(Stage role);

}  // namespace posefleet

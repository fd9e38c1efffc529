// The thread that probes, assembles and removes old files, one after another, while the loop goes
// on.
#pragma once

#include <optional>
#include <thread>
#include <variant>

#include "common/process/bounded_queue.h"
#include "common/process/wake.h"
#include "coordinator/pipeline/assemble.h"
#include "coordinator/server/retention.h"

namespace posefleet {

struct ProbeWork {
  JobId job{};
  JobSpec spec;
  std::filesystem::path folder;
};
struct AssembleWork {
  JobId job{};
  std::shared_ptr<const JobPlan> plan;
  std::filesystem::path folder;
  std::vector<RangeFile> files;
  JobStatus figures;
};
struct ProbeOutcome {
  JobId job{};
  Result<JobPlan> plan;
};
struct AssembleOutcome {
  JobId job{};
  Result<Assembly> assembly;
  LostArtifact lost;
};

// Made and used by the loop's thread.
class PipelineThread final {
 public:
  using Work = std::variant<ProbeWork, AssembleWork, RetentionWork>;
  using Outcome = std::variant<ProbeOutcome, AssembleOutcome, RetentionOutcome>;

  // `wake` is woken for each outcome; it must outlive this.
  explicit PipelineThread(WakeEvent& wake);
  ~PipelineThread();

  void start(Work work);
  std::optional<Outcome> take();

 private:
  void run();

  WakeEvent& wake_;
  BoundedQueue<Work> work_;
  BoundedQueue<Outcome> outcomes_;
  std::jthread thread_;
};

}  // namespace posefleet

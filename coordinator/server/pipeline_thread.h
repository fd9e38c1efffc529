// The thread that probes, assembles and removes old files, one after another, while the loop goes
// on.
#pragma once

#include <optional>
#include <thread>
#include <variant>

#include "common/process/bounded_queue.h"
#include "common/process/wake.h"
#include "coordinator/pipeline/assemble.h"
#include "coordinator/pipeline/growing_outputs.h"
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
// Segments of a job whose output is watched while it grows; or, with `is_over`, that it is not any
// more. Without an outcome: what goes wrong is logged and costs nothing else.
struct GrowWork {
  JobId job{};
  std::shared_ptr<const JobPlan> plan;
  std::filesystem::path folder;
  std::vector<RangeFile> segments;
  bool is_over = false;
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
  using Work = std::variant<ProbeWork, AssembleWork, RetentionWork, GrowWork>;
  using Outcome = std::variant<ProbeOutcome, AssembleOutcome, RetentionOutcome>;

  // `wake` is woken for each outcome; it must outlive this.
  explicit PipelineThread(WakeEvent& wake);
  ~PipelineThread();

  void start(Work work);
  // Dropped when thousands of works wait: the file then ends there.
  void start_if_there_is_room(GrowWork work);
  std::optional<Outcome> take();

 private:
  void run();
  void grow(const GrowWork& work);

  WakeEvent& wake_;
  BoundedQueue<Work> work_;
  BoundedQueue<Outcome> outcomes_;
  GrowingOutputs growing_;  // the thread's own
  std::jthread thread_;
};

}  // namespace posefleet

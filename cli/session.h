// What `run` and `pose` share: a cluster for the time of the command, jobs followed to their end,
// Ctrl-C at any moment.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cli/job_client.h"
#include "cli/local_cluster.h"
#include "common/base/result.h"
#include "common/process/wake.h"
#include "common/protocol/precision.h"

namespace posefleet::cli {

// Where a model comes from when none is named: $POSEFLEET_MODEL, else models/demo beside the
// programs or in the source tree. The error says how to get one.
Result<std::filesystem::path> find_model(const std::string& named);

// What `--precision` asks for; "auto" is float32, as the workers understand it too.
Result<Precision> parse_precision_option(const std::string& name);

// Splits the machine's cores between the processes where the user did not say.
ClusterOptions fill_in_counts(ClusterOptions options);

// Thrown nowhere: an interrupted session answers with this error.
inline bool is_interruption(const Error& error) {
  return error.message == "interrupted";
}

// One thread.
class LocalSession final {
 public:
  static Result<std::unique_ptr<LocalSession>> start(const ClusterOptions& options,
                                                     StopSignal& stop);

  Result<JobId> submit(const std::string& spec);
  std::filesystem::path folder_of(JobId job) const { return cluster_->folder_of(job); }
  // Until the job is over; `on_status` a few times a second. On Ctrl-C the job is cancelled and the
  // answer is an interruption.
  Result<JobStatus> follow(JobId job, const std::function<void(const JobStatus&)>& on_status);

 private:
  LocalSession(std::unique_ptr<LocalCluster> cluster, std::unique_ptr<JobClient> client,
               StopSignal& stop)
      : stop_(stop), cluster_(std::move(cluster)), client_(std::move(client)) {}

  StopSignal& stop_;
  std::unique_ptr<LocalCluster> cluster_;
  std::unique_ptr<JobClient> client_;
  int submitted_ = 0;
};

}  // namespace posefleet::cli

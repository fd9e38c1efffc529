// The last step of a job: segments to the output video, checked against the source; poses to one
// file; figures for people.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/protocol/client.h"
#include "coordinator/pipeline/gather.h"
#include "coordinator/pipeline/plan.h"

namespace posefleet {

struct Assembly {
  // JSON: the result object of the service contract, with output_sha256 and poses_sha256.
  std::string result;
  std::vector<std::string> warnings;
};

// Blocking: reads each segment once, writes `output.<container>` and `poses.bin` into the job's
// folder, verifies the output by reading it again. On failure `lost` names a range whose result is
// damaged, or has range 0 when that is not the reason.
Result<Assembly> assemble_job(const JobPlan& plan, const std::filesystem::path& job_folder,
                              const std::vector<RangeFile>& files, const JobStatus& figures,
                              LostArtifact* lost);

}  // namespace posefleet

// The outputs of running jobs that can be watched while they grow (common/media/growing_file.h).
//
// Segments are committed in whatever order workers finish them and shown in the video's; those that
// came too early wait here as names of files. The file is no result: it is lost without harm, made
// again after a restart, and removed when the real output is there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>

#include "common/base/result.h"
#include "common/media/growing_file.h"
#include "coordinator/pipeline/gather.h"
#include "coordinator/pipeline/plan.h"

namespace posefleet {

// In the job's folder.
inline constexpr const char* kLiveFile = "live.mp4";

// Owned and called by the pipeline thread.
class GrowingOutputs final {
 public:
  // A committed segment of the job. One that is in the file already is ignored.
  void add(JobId job, const JobPlan& plan, const std::filesystem::path& folder, RangeFile segment);

  // Appends at most `segments_max` of the segments whose turn it is. True when more of them wait.
  // After an error the job's file is given up and removed, and its later segments are ignored.
  Result<bool> advance(JobId job, int segments_max);

  // The job is over: closes its file and removes it.
  void remove(JobId job);

 private:
  struct Output {
    std::filesystem::path path;
    FrameTable table;                             // of the plan
    std::unique_ptr<GrowingFile> file;            // null: given up
    std::map<std::uint32_t, RangeFile> segments;  // that wait, by first frame
  };
  static Status append_next(Output& output);
  static bool has_next(const Output& output);
  static void give_up(Output& output);

  std::map<JobId, Output> outputs_;
};

}  // namespace posefleet

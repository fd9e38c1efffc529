// What is left of a job's files, whenever the coordinator was killed.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "coordinator/server/jobs.h"
#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

constexpr JobId kJob{7};

std::vector<std::string> files_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

void fill(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  for (const char* name : {"frame_table.bin", "plan.json", "output.mp4", "poses.bin",
                           "pose-00000012-3.bin", "render-00000000-9.bin", "results-2-1.bundle",
                           "output.mp4.part-4711", "plan.json.part-4711", "live.mp4"}) {
    write_file(folder / name, "bytes");
  }
  // An output of single pictures that was being written.
  std::filesystem::create_directories(folder / "output.png.part-4711");
  write_file(folder / "output.png.part-4711" / "frame_000000.png", "bytes");
}

// A result may have its name and no row: the coordinator was killed in between, and the range was
// cut before it came again. So may those of a job that ended in another process.
TEST(JobFiles, OfASuccessfulJobWhatAClientFetchesIsLeft) {
  const TempDir folder;
  Jobs jobs(folder.path());
  fill(jobs.folder_of(kJob));
  jobs.release(kJob, true);
  EXPECT_EQ(files_in(jobs.folder_of(kJob)),
            (std::vector<std::string>{"frame_table.bin", "output.mp4", "plan.json", "poses.bin"}));
}

// The removal of old files takes the results of every finished job that it is told of.
TEST(JobFiles, AJobWhoseEndIsNotStoredIsNotToldToTheRemovalOfOldFiles) {
  const TempDir folder;
  Jobs jobs(folder.path());
  jobs.add(kJob, {});
  const std::vector<JobId> finished = {JobId{6}, kJob, JobId{8}};
  EXPECT_EQ(jobs.released(finished), (std::vector<JobId>{JobId{6}, JobId{8}}));
  jobs.release(kJob, true);
  EXPECT_EQ(jobs.released(finished), finished);
}

TEST(JobFiles, OfAFailedJobNothingIsLeft) {
  const TempDir folder;
  Jobs jobs(folder.path());
  fill(jobs.folder_of(kJob));
  jobs.release(kJob, false);
  EXPECT_FALSE(std::filesystem::exists(jobs.folder_of(kJob)));
}

TEST(JobFiles, OfAnUnfinishedJobOnlyHalfFilesGo) {
  const TempDir folder;
  Jobs jobs(folder.path());
  fill(jobs.folder_of(kJob));
  jobs.remove_temporaries(kJob);
  EXPECT_EQ(files_in(jobs.folder_of(kJob)),
            (std::vector<std::string>{"frame_table.bin", "live.mp4", "output.mp4", "plan.json",
                                      "pose-00000012-3.bin", "poses.bin", "render-00000000-9.bin",
                                      "results-2-1.bundle"}));
  jobs.remove_temporaries(JobId{8});  // has no folder: nothing happens
}

}  // namespace
}  // namespace posefleet::tests

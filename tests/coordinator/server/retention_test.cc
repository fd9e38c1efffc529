#include "coordinator/server/retention.h"

#include <gtest/gtest.h>

#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

using namespace std::chrono_literals;

TEST(Retention, OldOnesGoAndThenTheOldestUntilTheQuotaHolds) {
  struct Case {
    const char* name;
    std::vector<FinishedJob> jobs;
    RetentionLimits limits;
    std::vector<JobId> removed;
  };
  const std::vector<FinishedJob> three = {
      {JobId{1}, 10h, 100}, {JobId{2}, 30h, 100}, {JobId{3}, 20h, 100}};
  for (const Case& one : {
           Case{"none", {}, {1h, 1}, {}},
           Case{"no limits", three, {}, {}},
           Case{"nothing is old", three, {30h, 0}, {}},
           Case{"one is old", three, {29h, 0}, {JobId{2}}},
           Case{"all are old", three, {1h, 0}, {JobId{2}, JobId{3}, JobId{1}}},
           Case{"just within the quota", three, {0s, 300}, {}},
           Case{"a byte over the quota", three, {0s, 299}, {JobId{2}}},
           Case{"two over the quota", three, {0s, 100}, {JobId{2}, JobId{3}}},
           Case{"the quota after the old one", three, {29h, 200}, {JobId{2}}},
           Case{"equally old: the lower number",
                {{JobId{8}, 1h, 5}, {JobId{7}, 1h, 5}},
                {0s, 5},
                {JobId{7}}},
       }) {
    SCOPED_TRACE(one.name);
    EXPECT_EQ(jobs_to_remove(one.jobs, one.limits), one.removed);
  }
}

// Folders as finished jobs leave them, all written at this moment.
class Jobs final {
 public:
  void add(std::uint64_t id, const std::vector<std::string>& files) {
    const std::filesystem::path folder = path(id);
    std::filesystem::create_directories(folder);
    for (const std::string& file : files) write_file(folder / file, std::string(1000, 'x'));
    finished_.push_back(JobId{id});
  }
  void add_without_folder(std::uint64_t id) { finished_.push_back(JobId{id}); }
  RetentionOutcome carry_out_after(std::chrono::hours time, const RetentionLimits& limits) {
    return carry_out({folder_.path(), finished_, limits},
                     std::filesystem::file_time_type::clock::now() + time);
  }
  std::filesystem::path path(std::uint64_t id) { return folder_ / std::to_string(id); }

 private:
  TempDir folder_;
  std::vector<JobId> finished_;
};

TEST(Retention, WorkingFilesOfFinishedJobsGoAtOnceAndWhatIsFetchedStays) {
  Jobs jobs;
  jobs.add(1, {"output.mp4", "plan.json", "poses.bin", "pose-00000000-7.bin",
               "render-00000000-8.bin", "results-3-1.bundle"});
  EXPECT_TRUE(jobs.carry_out_after(1000h, {}).removed.empty());
  for (const char* kept : {"output.mp4", "plan.json", "poses.bin"}) {
    EXPECT_TRUE(std::filesystem::exists(jobs.path(1) / kept)) << kept;
  }
  for (const char* gone : {"pose-00000000-7.bin", "render-00000000-8.bin", "results-3-1.bundle"}) {
    EXPECT_FALSE(std::filesystem::exists(jobs.path(1) / gone)) << gone;
  }
}

TEST(Retention, FoldersGoWhenTheirTimeIsOver) {
  Jobs jobs;
  jobs.add(1, {"output.mp4"});
  jobs.add(2, {"output.mp4", "poses.bin"});
  jobs.add_without_folder(3);
  EXPECT_TRUE(jobs.carry_out_after(23h, {24h, 0}).removed.empty());
  const RetentionOutcome outcome = jobs.carry_out_after(25h, {24h, 0});
  EXPECT_EQ(outcome.removed.size(), 2u);
  EXPECT_EQ(outcome.bytes, 3000u);
  EXPECT_FALSE(std::filesystem::exists(jobs.path(1)));
  EXPECT_FALSE(std::filesystem::exists(jobs.path(2)));
  EXPECT_TRUE(jobs.carry_out_after(25h, {24h, 0}).removed.empty());
}

}  // namespace
}  // namespace posefleet::tests

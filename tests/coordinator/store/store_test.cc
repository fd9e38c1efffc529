#include "coordinator/store/store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

std::unique_ptr<Store> open(const std::filesystem::path& folder) {
  auto store = Store::open(folder);
  EXPECT_TRUE(store) << store.error().message;
  return store ? std::move(*store) : nullptr;
}

core::RangeRecord range(Stage stage, std::uint32_t first, std::uint32_t end) {
  core::RangeRecord record;
  record.stage = stage;
  record.frames = {first, end};
  record.plan_hash = "plan " + std::to_string(first);
  return record;
}

void run_sql(const std::filesystem::path& file, const char* sql) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &db), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
  sqlite3_close(db);
}

TEST(Store, TheEpochGrowsWithEachOpening) {
  TempDir folder;
  for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) EXPECT_EQ(open(folder.path())->epoch(), epoch);
}

TEST(Store, ASecondCoordinatorIsRefused) {
  TempDir folder;
  const auto first = open(folder.path());
  const auto second = Store::open(folder.path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message, "store: another coordinator works on " +
                                        folder.path().string() +
                                        "; stop it, or set another data_dir");
  EXPECT_EQ(first->epoch(), 1u);
}

TEST(Store, AnIdempotencyKeyNamesOneSpec) {
  TempDir folder;
  auto store = open(folder.path());
  const auto first = store->add_job("key", "{\"a\":1}", "model", 100);
  ASSERT_TRUE(first && first->is_new);
  for (int again = 0; again < 2; ++again) {
    const auto second = store->add_job("key", "{\"a\":1}", "model", 100);
    ASSERT_TRUE(second);
    EXPECT_EQ(second->id, first->id);
    EXPECT_FALSE(second->is_new);
    store.reset();
    store = open(folder.path());
  }
  const auto other = store->add_job("key", "{\"a\":2}", "model", 100);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::Rejected);
  EXPECT_EQ(other.error().message,
            "the key 'key' was used for a job with another spec; use a new key");
  const auto next = store->add_job("key 2", "{\"a\":2}", "model", 100);
  ASSERT_TRUE(next);
  EXPECT_NE(next->id, first->id);
}

TEST(Store, EverythingSurvivesAReopening) {
  TempDir folder;
  auto store = open(folder.path());
  // Quotes, zero bytes and other alphabets are text like any other.
  const std::string spec("{\"path\": \"it's \0 Überfall\"}", 28);
  core::JobRecord job;
  job.id = store->add_job("key", spec, "model", 100)->id;
  job.state = JobState::Running;
  job.model_hash = "model";
  job.error = "none; DROP TABLE jobs";
  job.result = "{}";
  job.warnings = {"cut off", "no sound"};
  ASSERT_TRUE(store->update_job(job));
  auto ranges = store->add_ranges(job.id, {range(Stage::Pose, 0, 16), range(Stage::Render, 0, 90)});
  ASSERT_TRUE(ranges);
  ASSERT_TRUE(store->set_attempts((*ranges)[0].id, 4));
  ASSERT_TRUE(store->set_fails((*ranges)[0].id, 2));
  const RangeStats stats{1, 2, 3, 0.1, 1e-300, 12345.678};
  const Artifact artifact{(*ranges)[1].id, "render-0.bin", 1ULL << 40, "abc", stats};
  ASSERT_TRUE(store->commit_range(artifact));
  store.reset();

  store = open(folder.path());
  const auto jobs = store->jobs();
  ASSERT_TRUE(jobs);
  ASSERT_EQ(jobs->size(), 1u);
  EXPECT_EQ((*jobs)[0], (StoredJob{job, "key", spec}));
  EXPECT_EQ(**store->job(job.id), (*jobs)[0]);
  (*ranges)[0].attempts = 4;
  (*ranges)[0].fails = 2;
  (*ranges)[1].is_committed = true;
  (*ranges)[1].stats = stats;
  EXPECT_EQ(*store->ranges(job.id), *ranges);
  EXPECT_EQ(*store->artifacts(job.id), (std::vector<Artifact>{artifact}));
}

TEST(Store, ARangeIsCommittedOnce) {
  TempDir folder;
  const auto store = open(folder.path());
  const JobId job = store->add_job("key", "{}", "model", 100)->id;
  const RangeId id = (*store->add_ranges(job, {range(Stage::Pose, 0, 16)}))[0].id;
  ASSERT_TRUE(store->commit_range({id, "first", 1, "one", {}}));
  const Status second = store->commit_range({id, "second", 2, "two", {}});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message, "store: range 1 is not there, committed already, or split");
  EXPECT_EQ((*store->artifacts(job))[0].file, "first");
  EXPECT_FALSE(store->commit_range({RangeId{99}, "x", 1, "x", {}}));
  // A lost artifact opens it again.
  ASSERT_TRUE(store->uncommit_range(id));
  EXPECT_TRUE(store->artifacts(job)->empty());
  EXPECT_TRUE(store->commit_range({id, "third", 3, "three", {}}));
}

TEST(Store, AGroupIsOneTransaction) {
  TempDir folder;
  auto store = open(folder.path());
  const JobId job = store->add_job("key", "{}", "model", 100)->id;
  const auto ranges = *store->add_ranges(
      job, {range(Stage::Pose, 0, 16), range(Stage::Pose, 16, 32), range(Stage::Pose, 32, 48)});
  const Artifact first{ranges[0].id, "some.bundle", 5, "a", {}, 0};
  const Artifact second{ranges[1].id, "some.bundle", 7, "b", {}, 5};
  {
    // Somebody else holds the tables: nothing of the group is stored, and it may be tried again.
    sqlite3* other = nullptr;
    ASSERT_EQ(sqlite3_open((folder / "posefleet.sqlite").c_str(), &other), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
    const auto busy = store->commit({first}, {{ranges[2].id, 3}});
    ASSERT_FALSE(busy);
    EXPECT_EQ(busy.error().code, ErrorCode::Retry);
    sqlite3_close(other);
  }
  EXPECT_TRUE(store->artifacts(job)->empty());
  const auto committed =
      store->commit({first, {RangeId{99}, "x", 1, "x", {}}, second}, {{ranges[2].id, 3}});
  ASSERT_TRUE(committed) << committed.error().message;
  ASSERT_EQ(committed->size(), 3u);
  EXPECT_TRUE((*committed)[0]);
  EXPECT_FALSE((*committed)[1]);
  EXPECT_TRUE((*committed)[2]);
  store.reset();
  store = open(folder.path());
  EXPECT_EQ(*store->artifacts(job), (std::vector<Artifact>{first, second}));
  EXPECT_EQ(store->ranges(job)->at(2).attempts, 3u);
}

// A range whose lease ended may be granted again in the very group in which its late result comes.
// Whoever reads the store must not find that a committed range was granted.
TEST(Store, InAGroupARangeIsGrantedBeforeItIsCommitted) {
  TempDir folder;
  auto store = open(folder.path());
  const JobId job = store->add_job("key", "{}", "model", 100)->id;
  const RangeId id = store->add_ranges(job, {range(Stage::Pose, 0, 16)})->at(0).id;
  store.reset();
  run_sql(folder / "posefleet.sqlite",
          "CREATE TRIGGER objection BEFORE UPDATE OF attempts ON ranges WHEN OLD.is_committed = 1 "
          "BEGIN SELECT RAISE(ABORT, 'it is committed'); END");
  store = open(folder.path());
  const auto group = store->commit({{id, "file", 1, "sha", {}}}, {{id, 2}});
  ASSERT_TRUE(group) << group.error().message;
  EXPECT_TRUE(group->at(0));
  EXPECT_EQ(store->ranges(job)->at(0).attempts, 2u);
  EXPECT_TRUE(store->ranges(job)->at(0).is_committed);
  // That the trigger objects at all.
  EXPECT_FALSE(store->commit({}, {{id, 3}}));
}

TEST(Store, RangeNumbersAreNeverUsedAgain) {
  TempDir folder;
  const auto store = open(folder.path());
  const JobId job = store->add_job("key", "{}", "model", 100)->id;
  const auto first = store->add_ranges(job, {range(Stage::Pose, 0, 16)});
  // Planned anew: the old ranges go, a late result of theirs must not meet a new one.
  const auto second = store->add_ranges(job, {range(Stage::Pose, 0, 16)});
  EXPECT_NE((*first)[0].id, (*second)[0].id);
  EXPECT_EQ(store->ranges(job)->size(), 1u);
}

TEST(Store, RangesOfAJobThatIsNotThereAreRefused) {
  TempDir folder;
  const auto store = open(folder.path());
  EXPECT_FALSE(store->add_ranges(JobId{7}, {range(Stage::Pose, 0, 1)}));
  EXPECT_FALSE(store->job(JobId{7})->has_value());
}

TEST(Store, ASplitIsAllOrNothingAndHappensOnce) {
  TempDir folder;
  auto store = open(folder.path());
  const JobId job = store->add_job("key", "{}", "model", 100)->id;
  core::RangeRecord whole;
  whole.frames = {0, 2};
  whole.plan_hash = "whole";
  whole = store->add_ranges(job, {whole})->at(0);
  core::RangeRecord part = whole;
  part.plan_hash = "part";
  part.fails = 2;
  part.frames = {0, 1};
  core::RangeRecord last = part;
  last.frames = {1, 2};
  last.is_quarantined = true;
  const auto parts = store->split_range(whole.id, {part, last});
  ASSERT_TRUE(parts) << parts.error().message;
  EXPECT_FALSE(store->split_range(whole.id, {part, last}));
  EXPECT_FALSE(store->commit_range({whole.id, "file", 1, "sha", {}}));
  store.reset();
  store = open(folder.path());
  const auto stored = *store->ranges(job);
  ASSERT_EQ(stored.size(), 3u);
  whole.is_split = true;
  EXPECT_EQ(stored[0], whole);
  EXPECT_EQ(stored[1], parts->at(0));
  EXPECT_EQ(stored[2], parts->at(1));
  EXPECT_TRUE(stored[2].is_quarantined);
  EXPECT_EQ(stored[1].fails, 2u);
  // What is committed is not split any more.
  ASSERT_TRUE(store->commit_range({stored[1].id, "file", 1, "sha", {}}));
  EXPECT_FALSE(store->split_range(stored[1].id, {part}));
}

TEST(Store, MoreUnfinishedJobsThanTheLimitAreRefusedWithItsNumber) {
  TempDir folder;
  auto store = open(folder.path());
  core::JobRecord first;
  first.id = store->add_job("a", "{}", "model", 2)->id;
  ASSERT_TRUE(store->add_job("b", "{}", "model", 2));
  const auto third = store->add_job("c", "{}", "model", 2);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, ErrorCode::Overloaded);
  EXPECT_NE(third.error().message.find("its maximum of 2 unfinished jobs"), std::string::npos);
  // A job that is there is answered; one that ended makes room.
  EXPECT_TRUE(store->add_job("a", "{}", "model", 2));
  first.state = JobState::Cancelled;
  ASSERT_TRUE(store->update_job(first));
  EXPECT_TRUE(store->add_job("c", "{}", "model", 2));
}

TEST(Store, ANewerLayoutIsRefused) {
  TempDir folder;
  open(folder.path());
  run_sql(folder / "posefleet.sqlite", "PRAGMA user_version = 99");
  const auto store = Store::open(folder.path());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().message,
            "store: it was written by a newer Posefleet (layout 99, this program knows 3): upgrade "
            "this program");
}

TEST(Store, AFileThatIsNoStoreIsRefused) {
  TempDir folder;
  write_file(folder / "posefleet.sqlite", std::string(8192, 'x'));
  EXPECT_FALSE(Store::open(folder.path()));
}

TEST(Store, AFolderThatCannotBeMadeIsNamed) {
  TempDir folder;
  write_file(folder / "file", "");
  const auto store = Store::open(folder / "file/below");
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().message.find((folder / "file/below").string()), std::string::npos);
}

}  // namespace
}  // namespace posefleet::tests

#include "coordinator/server/commit_group.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "common/files/sha256.h"
#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

// A store with two jobs of three pose ranges each, and a group whose messages are written down.
struct Desk {
  TempDir folder;
  std::unique_ptr<Store> store = std::move(*Store::open(folder.path()));
  std::unique_ptr<ResultSpool> spool =
      std::move(*ResultSpool::open(folder / "incoming", {.entries_max = 100, .in_memory_max = 10}));
  Jobs jobs{folder / "jobs"};
  std::vector<std::string> sent;
  bool is_peer_gone = false;
  CommitGroup group{*store, *spool, jobs,
                    [this](const core::SendToWorker& message) { return send(message); }};

  Desk() {
    for (const char* key : {"first", "second"}) {
      const JobId job = store->add_job(key, "{}", "model", 10)->id;
      std::filesystem::create_directories(jobs.folder_of(job));
      jobs.add(job, {});
      std::vector<core::RangeRecord> ranges(3);
      for (std::uint32_t i = 0; i < 3; ++i) ranges[i].frames = {10 * i, 10 * (i + 1)};
      jobs.set_plan(job, nullptr, *store->add_ranges(job, ranges));
    }
  }

  Status send(const core::SendToWorker& message) {
    const auto* grant = std::get_if<Grant>(&message.message);
    if (grant != nullptr && is_peer_gone) return Error{ErrorCode::Disconnected, "gone"};
    sent.push_back(grant != nullptr ? "grant " + std::to_string(number(grant->range)) : "other");
    return done();
  }

  // The jobs' ranges are numbered through.
  static JobId job_of(std::uint64_t range) { return JobId{range <= 3 ? 1u : 2u}; }

  void add_result(std::uint64_t range, const std::string& bytes) {
    core::CommitResult command;
    command.peer = "w";
    command.job = job_of(range);
    command.result.range = RangeId{range};
    command.result.size = bytes.size();
    command.result.sha256 = sha256_hex(bytes);
    EXPECT_TRUE(spool->add("w", {SessionId{1}, RangeId{range}, {1, 1}, 0, bytes}, 1000));
    EXPECT_TRUE(spool->is_complete("w", command.result));
    group.add(command);
  }
  void add_grant(std::uint64_t range, std::uint32_t attempts) {
    core::SendGrant command;
    command.peer = "w";
    command.job = job_of(range);
    command.grant.range = RangeId{range};
    command.attempts = attempts;
    group.add(std::move(command));
  }
  void add_message() { group.add(core::SendToWorker{"w", UnknownSession{}}); }

  // What a later process would read of the job.
  std::vector<std::string> stored(JobId job) {
    std::vector<std::string> bytes;
    for (const RangeFile& file : jobs.committed_files(job)) {
      const auto read = read_range_file(file);
      EXPECT_TRUE(read) << read.error().message;
      bytes.push_back(read ? *read : "");
    }
    EXPECT_EQ(store->artifacts(job)->size(), bytes.size());
    return bytes;
  }
  std::size_t bundles_of(JobId job) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(jobs.folder_of(job))) {
      count += entry.path().extension() == kBundleSuffix ? 1 : 0;
    }
    return count;
  }
};

std::vector<bool> successes(const CommitGroup::Outcome& outcome) {
  std::vector<bool> all;
  for (const auto& [command, status] : outcome.results) all.push_back(static_cast<bool>(status));
  return all;
}

TEST(CommitGroup, SmallResultsOfAJobShareAFileAndLargeOnesDoNot) {
  Desk desk;
  desk.add_result(1, "one");
  desk.add_result(4, "four");
  desk.add_result(2, "larger than ten bytes");
  EXPECT_EQ(successes(desk.group.carry_out()), std::vector<bool>(3, true));
  EXPECT_TRUE(desk.group.empty());
  // Another group appends.
  desk.add_result(3, "three");
  EXPECT_EQ(successes(desk.group.carry_out()), std::vector<bool>{true});
  EXPECT_EQ(desk.stored(JobId{1}),
            (std::vector<std::string>{"one", "larger than ten bytes", "three"}));
  EXPECT_EQ(desk.stored(JobId{2}), std::vector<std::string>{"four"});
  EXPECT_EQ(desk.bundles_of(JobId{1}), 1u);
  // With its output kept, a job's working files go all the same.
  desk.group.forget(JobId{1});
  desk.jobs.release(JobId{1}, true);
  EXPECT_TRUE(std::filesystem::is_empty(desk.jobs.folder_of(JobId{1})));
}

TEST(CommitGroup, MessagesLeaveInTheirOrderAndNotBeforeTheGrantsOfTheirGroupAreStored) {
  Desk desk;
  desk.add_message();
  EXPECT_EQ(desk.sent, std::vector<std::string>{"other"});
  desk.add_grant(5, 7);
  desk.add_message();
  desk.add_grant(6, 1);
  EXPECT_EQ(desk.sent.size(), 1u);
  EXPECT_EQ(desk.store->ranges(JobId{2})->at(1).attempts, 0u);
  EXPECT_TRUE(desk.group.carry_out().failed_grants.empty());
  EXPECT_EQ(desk.sent, (std::vector<std::string>{"other", "grant 5", "other", "grant 6"}));
  EXPECT_EQ(desk.store->ranges(JobId{2})->at(1).attempts, 7u);
}

TEST(CommitGroup, OneResultThatCannotBeStoredDoesNotHoldUpTheOthers) {
  Desk desk;
  std::filesystem::remove_all(desk.jobs.folder_of(JobId{1}));
  desk.add_result(1, "one");
  desk.add_result(2, "larger than ten bytes");
  desk.add_result(4, "four");
  desk.add_grant(5, 1);
  const auto outcome = desk.group.carry_out();
  EXPECT_EQ(successes(outcome), (std::vector<bool>{false, false, true}));
  EXPECT_TRUE(outcome.failed_grants.empty());
  EXPECT_EQ(desk.stored(JobId{2}), std::vector<std::string>{"four"});
  // When the folder is back, so is the job.
  std::filesystem::create_directories(desk.jobs.folder_of(JobId{1}));
  desk.add_result(1, "one");
  EXPECT_EQ(successes(desk.group.carry_out()), std::vector<bool>{true});
}

TEST(CommitGroup, WithoutItsTransactionNothingIsCommittedOrGranted) {
  Desk desk;
  // A second commit of a range is refused by the store itself.
  desk.add_result(1, "one");
  desk.add_result(1, "one");
  EXPECT_EQ(successes(desk.group.carry_out()), (std::vector<bool>{true, false}));
  // Somebody else holds the store's tables: the transaction fails as a whole.
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open((desk.folder / "posefleet.sqlite").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  desk.add_result(4, "four");
  desk.add_grant(5, 1);
  desk.add_message();
  const auto outcome = desk.group.carry_out();
  EXPECT_EQ(successes(outcome), std::vector<bool>{false});
  ASSERT_EQ(outcome.failed_grants.size(), 1u);
  EXPECT_EQ(outcome.failed_grants[0].first.grant.range, RangeId{5});
  EXPECT_EQ(desk.sent, std::vector<std::string>{"other"});
  EXPECT_TRUE(desk.jobs.committed_files(JobId{2}).empty());
  // The worker offers its result again, and now it can be stored.
  sqlite3_close(other);
  desk.add_result(4, "four");
  EXPECT_EQ(successes(desk.group.carry_out()), std::vector<bool>{true});
  EXPECT_EQ(desk.stored(JobId{2}), std::vector<std::string>{"four"});
}

TEST(CommitGroup, AGrantWhoseWorkerIsGoneIsToldOf) {
  Desk desk;
  desk.is_peer_gone = true;
  desk.add_grant(5, 1);
  const auto outcome = desk.group.carry_out();
  ASSERT_EQ(outcome.failed_grants.size(), 1u);
  EXPECT_EQ(outcome.failed_grants[0].second.error().message, "gone");
}

}  // namespace
}  // namespace posefleet::tests

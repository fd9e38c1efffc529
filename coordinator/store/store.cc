#include "coordinator/store/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/files/files.h"
#include "common/files/sha256.h"
#include "coordinator/store/sqlite.h"

namespace posefleet {
namespace {

using sqlite::Statement;
using sqlite::Transaction;

// Steps from one layout of the tables to the next; `user_version` counts those that were done.
constexpr const char* kMigrations[] = {
    R"(
CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE jobs(
  id INTEGER PRIMARY KEY AUTOINCREMENT, idempotency_key TEXT NOT NULL UNIQUE, spec TEXT NOT NULL,
  spec_hash TEXT NOT NULL, model_hash TEXT NOT NULL, state INTEGER NOT NULL, error TEXT NOT NULL,
  result TEXT NOT NULL, warnings TEXT NOT NULL);
CREATE TABLE ranges(
  id INTEGER PRIMARY KEY AUTOINCREMENT, job INTEGER NOT NULL REFERENCES jobs(id),
  stage INTEGER NOT NULL, first INTEGER NOT NULL, end INTEGER NOT NULL, plan_hash TEXT NOT NULL,
  is_committed INTEGER NOT NULL, attempts INTEGER NOT NULL, fails INTEGER NOT NULL,
  file TEXT NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL, stats TEXT NOT NULL);
CREATE INDEX ranges_of_job ON ranges(job);
INSERT INTO meta(key, value) VALUES('epoch', 0);
)",
    R"(
ALTER TABLE ranges ADD COLUMN is_split INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ranges ADD COLUMN is_quarantined INTEGER NOT NULL DEFAULT 0;
)",
    R"(
ALTER TABLE ranges ADD COLUMN file_offset INTEGER NOT NULL DEFAULT -1;
)"};
constexpr std::uint64_t kVersion = std::size(kMigrations);

std::string to_text(const RangeStats& stats) {
  char text[160];
  snprintf(text, sizeof text, "%u %u %u %.17g %.17g %.17g %u", stats.frames_with_people,
           stats.people, stats.frames_kept_original, stats.decode_seconds, stats.work_seconds,
           stats.encode_seconds, stats.frames_undetected);
  return text;
}

RangeStats stats_of(const std::string& text) {
  RangeStats stats;
  sscanf(text.c_str(), "%u %u %u %lf %lf %lf %u", &stats.frames_with_people, &stats.people,
         &stats.frames_kept_original, &stats.decode_seconds, &stats.work_seconds,
         &stats.encode_seconds, &stats.frames_undetected);
  return stats;
}

// Warnings are single lines, so a line each.
std::string join_lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

Status migrate(sqlite3* db) {
  Statement version(db, "PRAGMA user_version");
  POSEFLEET_TRY([[maybe_unused]] const bool row, version.step());
  const std::uint64_t found = version.number_at(0);
  if (found > kVersion) {
    return rejected("store: it was written by a newer Posefleet (layout " + std::to_string(found) +
                    ", this program knows " + std::to_string(kVersion) + "): upgrade this program");
  }
  for (std::uint64_t step = found; step < kVersion; ++step) {
    Transaction transaction(db);
    POSEFLEET_TRY_DO(transaction.begun());
    POSEFLEET_TRY_DO(sqlite::run(db, kMigrations[step]));
    const std::string set = "PRAGMA user_version = " + std::to_string(step + 1);
    POSEFLEET_TRY_DO(sqlite::run(db, set.c_str()));
    POSEFLEET_TRY_DO(transaction.commit());
  }
  return done();
}

StoredJob job_from(Statement& row) {
  StoredJob job;
  job.record.id = JobId{row.number_at(0)};
  job.idempotency_key = row.text_at(1);
  job.spec = row.text_at(2);
  job.record.model_hash = row.text_at(3);
  job.record.state = static_cast<JobState>(row.number_at(4));
  job.record.error = row.text_at(5);
  job.record.result = row.text_at(6);
  job.record.warnings = split_lines(row.text_at(7));
  return job;
}

Result<RangeId> insert_range(sqlite3* db, const core::RangeRecord& range) {
  Statement insert(db,
                   "INSERT INTO ranges(job, stage, first, end, plan_hash, is_committed, attempts, "
                   "fails, file, size, sha256, stats, is_quarantined) "
                   "VALUES(?, ?, ?, ?, ?, 0, 0, ?, '', 0, '', '', ?)");
  POSEFLEET_TRY_DO(insert.bind(number(range.job))
                       .bind(static_cast<std::uint64_t>(range.stage))
                       .bind(std::uint64_t{range.frames.first})
                       .bind(std::uint64_t{range.frames.end})
                       .bind(range.plan_hash)
                       .bind(std::uint64_t{range.fails})
                       .bind(std::uint64_t{range.is_quarantined})
                       .run());
  return RangeId{static_cast<std::uint64_t>(sqlite3_last_insert_rowid(db))};
}

constexpr const char* kJobColumns =
    "SELECT id, idempotency_key, spec, model_hash, state, error, result, warnings FROM jobs ";

}  // namespace

struct Store::State {
  sqlite3* db = nullptr;
  int lock_fd = -1;
  std::uint64_t epoch = 0;
  // Run for every grant and commit: made once, since parsing them takes longer than running them.
  std::unique_ptr<Statement> commit_range;
  std::unique_ptr<Statement> set_attempts;

  Status commit_one(const Artifact& artifact);
  Status set_one(RangeId range, std::uint32_t attempts);

  ~State() {
    commit_range.reset();
    set_attempts.reset();
    sqlite3_close(db);
    if (lock_fd >= 0) close(lock_fd);
  }
};

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& folder) {
  POSEFLEET_TRY_DO(make_writable_folder(folder));
  auto state = std::make_unique<State>();
  const std::filesystem::path lock = folder / "lock";
  state->lock_fd = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (state->lock_fd < 0 || flock(state->lock_fd, LOCK_EX | LOCK_NB) != 0) {
    return rejected("store: another coordinator works on " + folder.string() +
                    "; stop it, or set another data_dir");
  }
  const std::filesystem::path file = folder / "posefleet.sqlite";
  if (sqlite3_open(file.c_str(), &state->db) != SQLITE_OK) {
    return sqlite::error_of(state->db, "open " + file.string());
  }
  POSEFLEET_TRY_DO(sqlite::run(state->db, "PRAGMA journal_mode=WAL"));
  POSEFLEET_TRY_DO(sqlite::run(state->db, "PRAGMA synchronous=FULL"));
  POSEFLEET_TRY_DO(sqlite::run(state->db, "PRAGMA foreign_keys=ON"));
  POSEFLEET_TRY_DO(migrate(state->db));
  POSEFLEET_TRY_DO(sqlite::run(state->db, "UPDATE meta SET value = value + 1 WHERE key = 'epoch'"));
  Statement epoch(state->db, "SELECT value FROM meta WHERE key = 'epoch'");
  POSEFLEET_TRY([[maybe_unused]] const bool row, epoch.step());
  state->epoch = epoch.number_at(0);
  // The condition makes a second commit of the same range an error rather than an overwrite.
  state->commit_range = std::make_unique<Statement>(
      state->db,
      "UPDATE ranges SET is_committed = 1, file = ?, file_offset = ?, size = ?, sha256 = ?, "
      "stats = ? WHERE id = ? AND is_committed = 0 AND is_split = 0");
  state->set_attempts =
      std::make_unique<Statement>(state->db, "UPDATE ranges SET attempts = ? WHERE id = ?");
  return std::unique_ptr<Store>(new Store(std::move(state)));
}

std::uint64_t Store::epoch() const {
  return state_->epoch;
}

Result<Store::AddedJob> Store::add_job(const std::string& idempotency_key, const std::string& spec,
                                       const std::string& model_hash,
                                       std::uint32_t unfinished_max) {
  sqlite3* db = state_->db;
  const std::string spec_hash = sha256_hex(spec);
  Transaction transaction(db);
  POSEFLEET_TRY_DO(transaction.begun());
  Statement find(db, "SELECT id, spec_hash FROM jobs WHERE idempotency_key = ?");
  POSEFLEET_TRY(const bool is_known, find.bind(idempotency_key).step());
  if (is_known) {
    if (find.text_at(1) != spec_hash) {
      return rejected("the key '" + idempotency_key +
                      "' was used for a job with another spec; use a new key");
    }
    return AddedJob{JobId{find.number_at(0)}, false};
  }
  Statement count(db, "SELECT COUNT(*) FROM jobs WHERE state < ?");
  POSEFLEET_TRY([[maybe_unused]] const bool row,
                count.bind(static_cast<std::uint64_t>(JobState::Succeeded)).step());
  if (count.number_at(0) >= unfinished_max) {
    return Error{ErrorCode::Overloaded,
                 "this coordinator holds its maximum of " + std::to_string(unfinished_max) +
                     " unfinished jobs; submit again when one has ended, or raise limits.jobs"};
  }
  Statement insert(db,
                   "INSERT INTO jobs(idempotency_key, spec, spec_hash, model_hash, state, error, "
                   "result, warnings) VALUES(?, ?, ?, ?, 0, '', '', '')");
  POSEFLEET_TRY_DO(insert.bind(idempotency_key).bind(spec).bind(spec_hash).bind(model_hash).run());
  const auto id = static_cast<std::uint64_t>(sqlite3_last_insert_rowid(db));
  POSEFLEET_TRY_DO(transaction.commit());
  return AddedJob{JobId{id}, true};
}

Status Store::update_job(const core::JobRecord& job) {
  Statement update(state_->db,
                   "UPDATE jobs SET state = ?, error = ?, result = ?, warnings = ? WHERE id = ?");
  return update.bind(static_cast<std::uint64_t>(job.state))
      .bind(job.error)
      .bind(job.result)
      .bind(join_lines(job.warnings))
      .bind(number(job.id))
      .run();
}

Result<std::vector<core::RangeRecord>> Store::add_ranges(JobId job,
                                                         std::vector<core::RangeRecord> ranges) {
  Transaction transaction(state_->db);
  POSEFLEET_TRY_DO(transaction.begun());
  // A job is planned anew when its plan's files were lost.
  Statement clear(state_->db, "DELETE FROM ranges WHERE job = ?");
  POSEFLEET_TRY_DO(clear.bind(number(job)).run());
  for (core::RangeRecord& range : ranges) {
    range.job = job;
    POSEFLEET_TRY(range.id, insert_range(state_->db, range));
  }
  POSEFLEET_TRY_DO(transaction.commit());
  return ranges;
}

Result<std::vector<core::RangeRecord>> Store::split_range(RangeId whole,
                                                          std::vector<core::RangeRecord> parts) {
  Transaction transaction(state_->db);
  POSEFLEET_TRY_DO(transaction.begun());
  // The condition makes a second split, or one of a committed range, an error.
  Statement update(state_->db,
                   "UPDATE ranges SET is_split = 1 "
                   "WHERE id = ? AND is_split = 0 AND is_committed = 0");
  POSEFLEET_TRY_DO(update.bind(number(whole)).run());
  if (sqlite3_changes(state_->db) != 1) {
    return internal_error("store: range " + std::to_string(number(whole)) +
                          " is not there, committed, or split already");
  }
  for (core::RangeRecord& part : parts) {
    POSEFLEET_TRY(part.id, insert_range(state_->db, part));
  }
  POSEFLEET_TRY_DO(transaction.commit());
  return parts;
}

Status Store::State::set_one(RangeId range, std::uint32_t attempts) {
  return set_attempts->reset().bind(std::uint64_t{attempts}).bind(number(range)).run();
}

Status Store::set_attempts(RangeId range, std::uint32_t attempts) {
  return state_->set_one(range, attempts);
}

Status Store::set_fails(RangeId range, std::uint32_t fails) {
  Statement update(state_->db, "UPDATE ranges SET fails = ? WHERE id = ?");
  return update.bind(std::uint64_t{fails}).bind(number(range)).run();
}

Status Store::State::commit_one(const Artifact& artifact) {
  const std::int64_t offset = artifact.offset ? static_cast<std::int64_t>(*artifact.offset) : -1;
  POSEFLEET_TRY_DO(commit_range->reset()
                       .bind(artifact.file)
                       .bind(static_cast<std::uint64_t>(offset))
                       .bind(artifact.size)
                       .bind(artifact.sha256)
                       .bind(to_text(artifact.stats))
                       .bind(number(artifact.range))
                       .run());
  return done();
}

Status Store::commit_range(const Artifact& artifact) {
  POSEFLEET_TRY(const std::vector<Status> committed, commit({artifact}, {}));
  return committed.front();
}

Result<std::vector<Status>> Store::commit(const std::vector<Artifact>& artifacts,
                                          const std::vector<Attempts>& attempts) {
  Transaction transaction(state_->db);
  POSEFLEET_TRY_DO(transaction.begun());
  // First: a range may have been granted before its late result came, never after it.
  for (const Attempts& one : attempts) POSEFLEET_TRY_DO(state_->set_one(one.range, one.attempts));
  std::vector<Status> committed;
  committed.reserve(artifacts.size());
  for (const Artifact& artifact : artifacts) {
    POSEFLEET_TRY_DO(state_->commit_one(artifact));
    const bool is_new = sqlite3_changes(state_->db) == 1;
    committed.push_back(is_new ? done()
                               : internal_error("store: range " +
                                                std::to_string(number(artifact.range)) +
                                                " is not there, committed already, or split"));
  }
  POSEFLEET_TRY_DO(transaction.commit());
  return committed;
}

Status Store::uncommit_range(RangeId range) {
  Statement update(state_->db, "UPDATE ranges SET is_committed = 0, file = '' WHERE id = ?");
  return update.bind(number(range)).run();
}

Result<std::vector<StoredJob>> Store::jobs() {
  std::vector<StoredJob> jobs;
  Statement select(state_->db, std::string(kJobColumns) + "ORDER BY id");
  while (true) {
    POSEFLEET_TRY(const bool row, select.step());
    if (!row) return jobs;
    jobs.push_back(job_from(select));
  }
}

Result<std::optional<StoredJob>> Store::job(JobId id) {
  Statement select(state_->db, std::string(kJobColumns) + "WHERE id = ?");
  POSEFLEET_TRY(const bool row, select.bind(number(id)).step());
  if (!row) return std::optional<StoredJob>{};
  return std::optional<StoredJob>{job_from(select)};
}

Result<std::vector<core::RangeRecord>> Store::ranges(JobId job) {
  std::vector<core::RangeRecord> ranges;
  Statement select(state_->db,
                   "SELECT id, stage, first, end, plan_hash, is_committed, attempts, fails, stats, "
                   "is_split, is_quarantined FROM ranges WHERE job = ? ORDER BY id");
  select.bind(number(job));
  while (true) {
    POSEFLEET_TRY(const bool row, select.step());
    if (!row) return ranges;
    core::RangeRecord range;
    range.id = RangeId{select.number_at(0)};
    range.job = job;
    range.stage = static_cast<Stage>(select.number_at(1));
    range.frames = {static_cast<std::uint32_t>(select.number_at(2)),
                    static_cast<std::uint32_t>(select.number_at(3))};
    range.plan_hash = select.text_at(4);
    range.is_committed = select.number_at(5) != 0;
    range.attempts = static_cast<std::uint32_t>(select.number_at(6));
    range.fails = static_cast<std::uint32_t>(select.number_at(7));
    if (range.is_committed) range.stats = stats_of(select.text_at(8));
    range.is_split = select.number_at(9) != 0;
    range.is_quarantined = select.number_at(10) != 0;
    ranges.push_back(std::move(range));
  }
}

Result<std::vector<Artifact>> Store::artifacts(JobId job) {
  std::vector<Artifact> artifacts;
  Statement select(state_->db,
                   "SELECT id, file, size, sha256, stats, file_offset FROM ranges "
                   "WHERE job = ? AND is_committed = 1 ORDER BY id");
  select.bind(number(job));
  while (true) {
    POSEFLEET_TRY(const bool row, select.step());
    if (!row) return artifacts;
    const auto offset = static_cast<std::int64_t>(select.number_at(5));
    artifacts.push_back({RangeId{select.number_at(0)}, select.text_at(1), select.number_at(2),
                         select.text_at(3), stats_of(select.text_at(4)),
                         offset < 0 ? std::nullopt : std::optional<std::uint64_t>(offset)});
  }
}

}  // namespace posefleet

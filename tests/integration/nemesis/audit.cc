#include "tests/integration/nemesis/audit.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "tests/integration/nemesis/store_reader.h"

namespace posefleet::nemesis {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTriggers = R"(
CREATE TABLE history(n INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL,
  what TEXT NOT NULL, id INTEGER NOT NULL, is_committed INTEGER NOT NULL);
CREATE TRIGGER history_epoch AFTER UPDATE OF value ON meta BEGIN
  INSERT INTO history(at_ms, what, id, is_committed)
  VALUES(CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER), 'started', new.value, 0); END;
CREATE TRIGGER history_grant AFTER UPDATE OF attempts ON ranges BEGIN
  INSERT INTO history(at_ms, what, id, is_committed)
  VALUES(CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER), 'granted', new.id,
         old.is_committed); END;
CREATE TRIGGER history_commit AFTER UPDATE OF is_committed ON ranges BEGIN
  INSERT INTO history(at_ms, what, id, is_committed)
  VALUES(CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER),
         CASE new.is_committed WHEN 1 THEN 'committed' ELSE 'lost' END, new.id, old.is_committed);
  END;
CREATE TRIGGER history_delete AFTER DELETE ON ranges BEGIN
  INSERT INTO history(at_ms, what, id, is_committed)
  VALUES(CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER), 'deleted', old.id,
         old.is_committed); END;
)";

struct RangeRow {
  std::string name;
  bool is_committed = false;
  bool is_split = false;
  int commits = 0;
  int losses = 0;
};

void check_frames(StoreReader& reader, JobId job, std::uint32_t frames, JobAudit& audit) {
  for (const char* stage : {"0", "1"}) {
    std::uint32_t next = 0;
    for (const auto& row : reader.rows(fmt::format(
             "SELECT first, end FROM ranges WHERE job = {} AND stage = {} AND is_committed = 1 "
             "AND is_split = 0 ORDER BY first",
             number(job), stage))) {
      if (std::stoul(row[0]) != next)
        audit.faults.push_back("frames missing or twice at " + row[0]);
      next = static_cast<std::uint32_t>(std::stoul(row[1]));
    }
    if (next != frames) {
      audit.faults.push_back(fmt::format("stage {} ends at frame {} of {}", stage, next, frames));
    }
  }
}

void check_history(StoreReader& reader, std::map<std::string, RangeRow>& ranges, JobAudit& audit) {
  for (const auto& row : reader.rows("SELECT what, id, is_committed FROM history ORDER BY n")) {
    const auto found = ranges.find(row[1]);
    if (row[0] == "started" || found == ranges.end()) continue;
    RangeRow& range = found->second;
    if (row[0] == "granted") {
      ++audit.grants;
      if (row[2] == "1") audit.faults.push_back(range.name + " was granted though committed");
    } else if (row[0] == "committed") {
      ++audit.commits;
      ++range.commits;
      if (row[2] == "1") audit.faults.push_back(range.name + " was committed though committed");
    } else if (row[0] == "lost") {
      ++audit.lost;
      ++range.losses;
    }
  }
}

void check_files(const fs::path& data, JobId job, JobAudit& audit) {
  const std::set<std::string> kept = {"output.mp4", "frame_table.bin", "plan.json"};
  std::error_code error;
  for (const auto& entry :
       fs::directory_iterator(data / "jobs" / std::to_string(number(job)), error)) {
    const std::string name = entry.path().filename();
    if (!kept.contains(name)) audit.faults.push_back("left behind: " + name);
  }
  for (const auto& entry : fs::directory_iterator(data / "incoming", error)) {
    audit.faults.push_back("left in the spool: " + entry.path().filename().string());
  }
}

}  // namespace

bool add_triggers(const fs::path& data) {
  return StoreReader(data).run(kTriggers);
}

JobAudit audit_job(const fs::path& data, JobId job, std::uint32_t frames, bool may_be_split) {
  JobAudit audit;
  StoreReader reader(data);
  std::map<std::string, RangeRow> ranges;
  for (const auto& row : reader.rows(fmt::format(
           "SELECT id, stage, first, end, is_committed, is_split, fails FROM ranges WHERE job = {}",
           number(job)))) {
    RangeRow& range = ranges[row[0]];
    range.name =
        fmt::format("range {} (stage {}, frames {} to {})", row[0], row[1], row[2], row[3]);
    range.is_committed = row[4] == "1";
    range.is_split = row[5] != "0";
    if (range.is_split && !may_be_split) audit.faults.push_back(range.name + " was split");
  }
  audit.ranges = static_cast<int>(ranges.size());
  check_history(reader, ranges, audit);
  for (const auto& [id, range] : ranges) {
    if (range.is_split) {
      if (range.commits > 0) audit.faults.push_back(range.name + " was committed and split");
      continue;
    }
    if (!range.is_committed) audit.faults.push_back(range.name + " is not committed");
    if (range.commits != 1 + range.losses) {
      audit.faults.push_back(fmt::format("{} was committed {} times and lost {} times", range.name,
                                         range.commits, range.losses));
    }
  }
  check_frames(reader, job, frames, audit);
  check_files(data, job, audit);
  return audit;
}

}  // namespace posefleet::nemesis

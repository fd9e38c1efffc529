// What really happened, from the coordinator's own store and log.
//
// The store holds only how things are. So before the first job the driver adds a table and triggers
// to it: each grant, commit and restart writes its row in the very transaction that does it. No
// process that is killed can commit a range without it showing here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/protocol/ids.h"
#include "tests/integration/nemesis/faults.h"

namespace posefleet::nemesis {

// Into the store of a coordinator that ran once and does not run now. False: it is not there.
bool add_triggers(const std::filesystem::path& data);

struct JobAudit {
  int ranges = 0;
  int grants = 0;
  int commits = 0;
  int lost = 0;  // committed results that turned out to be damaged, and were computed again
  // What is wrong; empty is good.
  std::vector<std::string> faults;
};

// Each frame is in one committed range of each stage; each range was committed once, and once more
// for each time that its result was lost; none was granted while it was committed; of the job's
// files the output and the plan are left, and nothing waits in the spool. A range may be cut only
// where a frame kills; then it was never committed, and its parts are ranges like others.
JobAudit audit_job(const std::filesystem::path& data, JobId job, std::uint32_t frames,
                   bool may_be_split);

// ---- how soon things were noticed ---------------------------------------------------------------

struct Spread {
  std::vector<double> seconds;
  void add(double value) { seconds.push_back(value); }
  std::string text() const;  // "12 times, median 0.12 s, most 0.40 s"
};

struct Measures {
  Spread kill_seen;
  Spread freeze_seen;
  Spread cut_seen;
  Spread restart_to_worker;  // until the first one is back
  Spread restart_to_grant;
  // Ranges that were granted again because their worker died.
  std::map<int, int> redone;  // how many of them -> deaths
  std::vector<std::string> faults;
};

// Only what nothing else disturbed is measured: a kill is not seen over a cable that is cut.
Measures measure(const std::filesystem::path& log, const std::filesystem::path& data,
                 const std::vector<Trouble>& troubles, const std::vector<std::int64_t>& starts);

}  // namespace posefleet::nemesis

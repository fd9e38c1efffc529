// One cluster under faults: the jobs that it gets, what is done to it meanwhile, and what must be
// true after each of them.
#pragma once

#include <cstdio>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "common/process/wake.h"
#include "tests/integration/nemesis/audit.h"

namespace posefleet::nemesis {

// The job that all clusters get: 96 pose ranges and 30 render ranges (of 4 s), some ten seconds'
// work when nothing goes wrong.
inline constexpr std::uint32_t kFrames = 960;
inline constexpr std::uint32_t kFramesPerSecond = 8;
inline constexpr std::uint32_t kRangeFrames = 10;

// What must not depend on faults.
struct Hashes {
  std::string output;
  std::string poses;
  bool operator==(const Hashes&) const = default;
};

// Prints the line, marked unless `is_good`, which it returns.
inline bool say(bool is_good, const std::string& line) {
  std::printf("%s%s\n", is_good ? "" : "WRONG: ", line.c_str());
  std::fflush(stdout);
  return is_good;
}

// One thread. All references must outlive it.
class Ordeal final {
 public:
  Ordeal(const World& world, const std::string& name, const MemoryGroup& memory, std::uint64_t seed,
         StopSignal& stop)
      : world_(world),
        stop_(stop),
        name_(name),
        cluster_(world, name),
        faults_(cluster_, world.hosts, memory, seed) {}

  // The store exists and is watched; everybody runs.
  bool begin();
  // Runs one job to its end with up to `faults` faults; nothing when something was wrong.
  std::optional<Hashes> run_job(int faults);
  // Runs one job, the coordinator dying at each step in turn.
  std::optional<Hashes> run_steps();
  // The same in a world where a frame kills, at the steps by which that frame is taken out.
  std::optional<Hashes> run_split_steps();

  Cluster& cluster() { return cluster_; }
  const Faults& faults() const { return faults_; }
  int lost() const { return lost_; }
  int grants() const { return grants_; }
  int ranges() const { return ranges_; }
  // Somebody wants us to stop: nothing was found wrong, and nothing is finished.
  bool is_interrupted() const { return is_interrupted_; }
  // For a look at what went wrong: the disk goes with this process.
  void keep_data() const;

 private:
  // On each turn, told whether the job is final: whether more is to be done to it.
  using OnTurn = std::function<bool(bool is_over)>;
  std::optional<JobStatus> follow(const OnTurn& on_turn);
  // False: it did not come to one of them.
  bool follow_steps(std::span<const Step> steps, std::optional<JobStatus>& last);
  std::optional<Hashes> settle(const JobStatus& last, bool expects_damage);
  bool turn();

  const World& world_;
  StopSignal& stop_;
  bool is_interrupted_ = false;
  std::string name_;
  Cluster cluster_;
  Faults faults_;
  int jobs_ = 0;
  int lost_ = 0;
  int grants_ = 0;
  int ranges_ = 0;
};

}  // namespace posefleet::nemesis

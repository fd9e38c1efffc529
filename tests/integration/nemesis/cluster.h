// The cluster that faults are done to: a coordinator and workers as real processes, each started
// again after it died, as an init system would do.
//
// Every death must have a cause that we know. One that nobody caused is a failure of the run, as is
// a job that does not end.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/job_client.h"
#include "common/process/clock.h"
#include "common/protocol/messages.h"
#include "tests/integration/nemesis/hosts.h"
#include "tests/integration/nemesis/process.h"
#include "tests/integration/nemesis/steps.h"

namespace posefleet::nemesis {

// Made once: what all clusters of a run compute with.
struct World {
  std::filesystem::path folder;
  Hosts& hosts;
  std::filesystem::path programs;  // build/bin
  std::filesystem::path shim;      // empty: no steps
  std::filesystem::path model;
  std::string spec;  // a job's, JSON
  // What the workers are told of a frame that may kill them (poison_worker.cc); empty: they are the
  // real ones.
  std::string kills;
};

// One coordinator or worker over all its lives.
struct Member {
  std::string name;            // of its files: "coordinator", "pose-1"
  std::optional<Stage> stage;  // nothing: the coordinator
  int host = -1;
  std::vector<std::string> words;
  ProcessOptions options;
  std::unique_ptr<Process> process;  // null while it is dead
  std::optional<Instant> starts_at;
  bool is_frozen = false;
  // It may end by itself until then: it was asked to, or has no memory or disk.
  Instant may_end_until{};
};

// A moment of the real time, milliseconds since 1970: logs and the store know no other.
std::int64_t wall_ms();

class Cluster final {
 public:
  // In the world's folder `name`. The coordinator's data lie on a disk of their own where that is
  // permitted.
  Cluster(const World& world, const std::string& name);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  std::filesystem::path data() const { return folder_ / "data"; }
  std::filesystem::path log() const { return folder_ / "coordinator.log"; }
  bool has_disk() const { return has_disk_; }
  // Null without the shim.
  StepControl* steps() { return steps_; }

  Member& coordinator() { return members_.front(); }
  std::vector<Member*> workers();
  bool is_up(const Member& member) const { return member.process && !member.is_frozen; }

  void start(Member& member);
  void start_all();
  // Ends in order, or not at all: false.
  bool stop_coordinator();
  // Notices deaths and starts what is due.
  void tend();
  // It is dead by our hand, or will be; started again after `pause`.
  void expect_end(Member& member, Instant pause);
  void kill(Member& member, Instant pause);

  // While the coordinator is up; nothing when there is no answer in a fifth of a second.
  std::optional<JobId> submit(const std::string& key);
  std::optional<JobStatus> status(JobId job);

  // Deaths that nobody caused. Empty is good.
  const std::vector<std::string>& failures() const { return failures_; }
  // Wall times of the coordinator's starts.
  const std::vector<std::int64_t>& starts() const { return starts_; }

 private:
  void add_coordinator();
  void add_worker(Stage stage, int number, int host);
  void open_steps();
  std::filesystem::path make_key(const std::string& name) const;

  const World& world_;
  std::filesystem::path folder_;
  bool has_disk_ = false;
  StepControl* steps_ = nullptr;
  std::vector<Member> members_;
  std::unique_ptr<cli::JobClient> client_;
  std::vector<std::string> failures_;
  std::vector<std::int64_t> starts_;
};

}  // namespace posefleet::nemesis

// What goes wrong, when, and for how long: all of it follows from a seed.
//
// A fault is drawn whole (its kind, its target, how long it lasts, the pause before the next)
// before anything is done, so that a seed means the same faults in the same order, however fast the
// machine is. A fault waits until its target is there: a dead coordinator cannot be killed.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "tests/integration/nemesis/cluster.h"

namespace posefleet::nemesis {

enum class FaultKind {
  KillWorker,
  KillCoordinator,
  KillAtStep,        // the coordinator, within a commit
  FreezeWorker,      // shorter than anybody minds
  FreezeWorkerLong,  // until it counts as dead
  FreezeCoordinator,
  FreezeCoordinatorLong,  // longer than all leases
  CutLink,
  CutLinkLong,
  SlowLink,
  FullDisk,
  KillForMemory,  // by the kernel
  RefuseMemory,   // it is told that there is none
  DamageResult,   // a bit of a committed result turns
  DamageSpool,    // a bit of a result turns between its hash and its row
  DrainWorker,    // SIGTERM: no fault, but it comes with them
  End,
};
inline constexpr int kFaultKinds = static_cast<int>(FaultKind::End);
const char* name_of(FaultKind kind);

struct Fault {
  FaultKind kind{};
  std::uint64_t target = 0;  // taken modulo what there is
  Instant lasts{};
  Instant pause{};  // until the dead is started again
  Instant wait{};   // until the next fault
};

// A stretch of time in which something was not well, for those who measure.
struct Trouble {
  FaultKind kind{};
  pid_t pid = 0;  // of the worker
  int host = -1;  // of the worker, or whose link
  std::int64_t from_ms = 0;
  std::int64_t to_ms = 0;
};

class Faults final {
 public:
  Faults(Cluster& cluster, Hosts& hosts, const MemoryGroup& memory, std::uint64_t seed);

  // Does what is due: ends faults, begins the next. Nothing new unless `may_begin`.
  void tend(bool may_begin);
  // No fault is under way.
  bool is_calm() const { return endings_.empty() && !waiting_; }

  int count(FaultKind kind) const { return counts_[static_cast<int>(kind)]; }
  int count_all() const;
  int damaged() const { return count(FaultKind::DamageResult); }
  const std::vector<Trouble>& troubles() const { return troubles_; }

 private:
  Fault draw();
  FaultKind draw_kind();
  bool is_possible(FaultKind kind) const;
  bool begin(const Fault& fault);
  bool freeze(Member& member, const Fault& fault);
  bool cut(const Fault& fault, bool is_slow);
  bool fill_disk(const Fault& fault);
  bool take_memory(Member& member, const Fault& fault);
  bool arm(std::uint32_t step);
  bool damage_result(std::uint64_t pick);
  Member* worker(std::uint64_t pick);
  void after(Instant pause, std::function<void()> ending);
  void note(const Fault& fault, const Member* member, int host, Instant lasts);

  Cluster& cluster_;
  Hosts& hosts_;
  const MemoryGroup& memory_;
  Random random_;
  std::vector<FaultKind> first_;  // one of each kind, before any comes twice
  std::optional<Fault> waiting_;
  Instant waits_since_{};
  Instant next_at_{};
  std::multimap<Instant, std::function<void()>> endings_;
  std::vector<bool> busy_links_;
  bool is_disk_full_ = false;
  int counts_[kFaultKinds] = {};
  std::vector<Trouble> troubles_;
};

}  // namespace posefleet::nemesis

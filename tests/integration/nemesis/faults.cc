#include "tests/integration/nemesis/faults.h"

#include <algorithm>
#include <csignal>
#include <fstream>

#include <fcntl.h>
#include <unistd.h>

#include "tests/integration/nemesis/store_reader.h"

namespace posefleet::nemesis {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// How often a kind comes, and how long it lasts. Workers die more often than links do; the long
// ones cost a test its time.
struct Habit {
  const char* name;
  int weight;
  Instant lasts_min;
  Instant lasts_max;
};

constexpr Habit kHabits[kFaultKinds] = {
    {"worker killed", 8, 0ms, 0ms},
    {"coordinator killed", 4, 0ms, 0ms},
    {"coordinator killed at a step", 8, 0ms, 0ms},
    {"worker frozen", 3, 200ms, 2500ms},
    {"worker frozen until dead", 2, 7500ms, 10'000ms},
    {"coordinator frozen", 2, 200ms, 2500ms},
    {"coordinator frozen longer than leases", 1, 6000ms, 8000ms},
    {"link cut", 2, 300ms, 4000ms},
    {"link cut until dead", 2, 7500ms, 10'000ms},
    {"link slow and lossy", 2, 1000ms, 5000ms},
    {"disk full", 3, 300ms, 3000ms},
    {"killed for its memory", 2, 3000ms, 3000ms},
    {"memory refused", 2, 1500ms, 3000ms},
    {"result damaged", 2, 0ms, 0ms},
    {"spooled result damaged", 2, 0ms, 0ms},
    {"worker drained", 1, 0ms, 0ms},
};

// A fault whose target does not come is given up.
constexpr Instant kPatience = 15s;

const Habit& habit_of(FaultKind kind) {
  return kHabits[static_cast<int>(kind)];
}

Instant between(Random& random, Instant min, Instant max) {
  const auto span = static_cast<std::uint64_t>((max - min).count());
  return min + Instant(static_cast<std::int64_t>(random.below(span + 1)));
}

// An earlier fault may have given it longer.
void may_end(Member& member, Instant within) {
  member.may_end_until = std::max(member.may_end_until, now() + within);
}

}  // namespace

const char* name_of(FaultKind kind) {
  return habit_of(kind).name;
}

Faults::Faults(Cluster& cluster, Hosts& hosts, const MemoryGroup& memory, std::uint64_t seed)
    : cluster_(cluster), hosts_(hosts), memory_(memory), random_(seed), busy_links_(2, false) {
  for (int kind = 0; kind < kFaultKinds; ++kind) {
    if (is_possible(static_cast<FaultKind>(kind))) first_.push_back(static_cast<FaultKind>(kind));
  }
  for (std::size_t i = first_.size(); i > 1; --i)
    std::swap(first_[i - 1], first_[random_.below(i)]);
}

int Faults::count_all() const {
  int sum = 0;
  for (const int count : counts_) sum += count;
  return sum;
}

// ---- drawing ------------------------------------------------------------------------------------

bool Faults::is_possible(FaultKind kind) const {
  switch (kind) {
    case FaultKind::CutLink:
    case FaultKind::CutLinkLong:
      return hosts_.has_network();
    case FaultKind::SlowLink:
      return hosts_.has_slow_links();
    case FaultKind::FullDisk:
      return cluster_.has_disk();
    case FaultKind::KillForMemory:
      return memory_.is_there();
    case FaultKind::KillAtStep:
    case FaultKind::DamageSpool:
      return cluster_.steps() != nullptr;
    default:
      return true;
  }
}

FaultKind Faults::draw_kind() {
  if (!first_.empty()) {
    const FaultKind kind = first_.back();
    first_.pop_back();
    return kind;
  }
  int sum = 0;
  for (const Habit& habit : kHabits) sum += habit.weight;
  while (true) {
    auto pick = static_cast<int>(random_.below(static_cast<std::uint64_t>(sum)));
    int kind = 0;
    while (pick >= kHabits[kind].weight) pick -= kHabits[kind++].weight;
    if (is_possible(static_cast<FaultKind>(kind))) return static_cast<FaultKind>(kind);
  }
}

Fault Faults::draw() {
  Fault fault;
  fault.kind = draw_kind();
  fault.target = random_.next();
  fault.lasts = between(random_, habit_of(fault.kind).lasts_min, habit_of(fault.kind).lasts_max);
  fault.pause = between(random_, 0ms, 1200ms);
  fault.wait = between(random_, 100ms, 1500ms);
  return fault;
}

void Faults::tend(bool may_begin) {
  while (!endings_.empty() && endings_.begin()->first <= now()) {
    const std::function<void()> ending = std::move(endings_.begin()->second);
    endings_.erase(endings_.begin());
    ending();
  }
  if (!waiting_ && may_begin && now() >= next_at_) {
    waiting_ = draw();
    waits_since_ = now();
  }
  if (!waiting_) return;
  const bool has_begun = begin(*waiting_);
  if (has_begun) ++counts_[static_cast<int>(waiting_->kind)];
  // When faults must end, one that still waits for its target must not hold that up.
  if (!has_begun && may_begin && now() - waits_since_ < kPatience) return;
  next_at_ = now() + waiting_->wait;
  waiting_.reset();
}

void Faults::after(Instant pause, std::function<void()> ending) {
  endings_.emplace(now() + pause, std::move(ending));
}

void Faults::note(const Fault& fault, const Member* member, int host, Instant lasts) {
  Trouble trouble;
  trouble.kind = fault.kind;
  trouble.pid = member != nullptr && member->process ? member->process->pid() : 0;
  trouble.host = host;
  trouble.from_ms = wall_ms();
  trouble.to_ms =
      trouble.from_ms + std::chrono::duration_cast<std::chrono::milliseconds>(lasts).count();
  troubles_.push_back(trouble);
}

// ---- doing --------------------------------------------------------------------------------------

Member* Faults::worker(std::uint64_t pick) {
  const std::vector<Member*> workers = cluster_.workers();
  Member* member = workers[pick % workers.size()];
  return cluster_.is_up(*member) ? member : nullptr;
}

bool Faults::begin(const Fault& fault) {
  Member& coordinator = cluster_.coordinator();
  const bool is_coordinator_up = cluster_.is_up(coordinator);
  Member* const target = worker(fault.target);
  switch (fault.kind) {
    case FaultKind::KillWorker:
      if (target == nullptr) return false;
      note(fault, target, target->host, fault.pause);
      cluster_.kill(*target, fault.pause);
      return true;
    case FaultKind::DrainWorker:
      if (target == nullptr) return false;
      may_end(*target, 30s);
      target->process->send(SIGTERM);
      return true;
    case FaultKind::KillCoordinator:
      if (!is_coordinator_up) return false;
      note(fault, nullptr, -1, fault.pause);
      cluster_.kill(coordinator, fault.pause);
      return true;
    case FaultKind::KillAtStep:
      return is_coordinator_up && arm(kResultWritten + fault.target % kRowSynced);
    case FaultKind::DamageSpool:
      return is_coordinator_up && arm(kDamage);
    case FaultKind::FreezeWorker:
    case FaultKind::FreezeWorkerLong:
      return target != nullptr && freeze(*target, fault);
    case FaultKind::FreezeCoordinator:
    case FaultKind::FreezeCoordinatorLong:
      return is_coordinator_up && freeze(coordinator, fault);
    case FaultKind::CutLink:
    case FaultKind::CutLinkLong:
      return cut(fault, false);
    case FaultKind::SlowLink:
      return cut(fault, true);
    case FaultKind::FullDisk:
      return fill_disk(fault);
    case FaultKind::KillForMemory:
    case FaultKind::RefuseMemory:
      return target != nullptr && take_memory(*target, fault);
    case FaultKind::DamageResult:
      return damage_result(fault.target);
    case FaultKind::End:
      break;
  }
  return false;
}

bool Faults::freeze(Member& member, const Fault& fault) {
  note(fault, &member, member.host, fault.lasts);
  const pid_t pid = member.process->pid();
  member.process->send(SIGSTOP);
  member.is_frozen = true;
  after(fault.lasts, [&member, pid] {
    if (!member.process || member.process->pid() != pid) return;
    member.process->send(SIGCONT);
    member.is_frozen = false;
  });
  return true;
}

bool Faults::cut(const Fault& fault, bool is_slow) {
  const int link = static_cast<int>(fault.target % busy_links_.size());
  if (busy_links_[static_cast<std::size_t>(link)]) return false;
  busy_links_[static_cast<std::size_t>(link)] = true;
  note(fault, nullptr, link, fault.lasts);
  if (is_slow) {
    hosts_.slow_down(link);
  } else {
    hosts_.cut(link);
  }
  after(fault.lasts, [this, link, is_slow] {
    busy_links_[static_cast<std::size_t>(link)] = false;
    if (is_slow) {
      hosts_.speed_up(link);
    } else {
      hosts_.mend(link);
    }
  });
  return true;
}

// To the last byte: what is left of a block would let small writes pass.
bool Faults::fill_disk(const Fault& fault) {
  if (is_disk_full_) return false;
  is_disk_full_ = true;
  note(fault, nullptr, -1, fault.lasts);
  const fs::path filler = cluster_.data() / "filler";
  const int fd = open(filler.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const std::string block(1 << 20, 'x');
  for (std::size_t size = block.size(); fd >= 0 && size > 0; size /= 16) {
    while (write(fd, block.data(), size) > 0) {
    }
  }
  close(fd);
  // A coordinator that starts on a full disk says so and ends.
  may_end(cluster_.coordinator(), fault.lasts + 1s);
  after(fault.lasts, [this, filler] {
    unlink(filler.c_str());
    is_disk_full_ = false;
  });
  return true;
}

bool Faults::take_memory(Member& member, const Fault& fault) {
  const pid_t pid = member.process->pid();
  const bool by_kernel = fault.kind == FaultKind::KillForMemory;
  if (by_kernel ? !memory_.take_in(pid) : !stop_memory(pid)) return false;
  may_end(member, fault.lasts + 1s);
  after(fault.lasts, [this, &member, pid, by_kernel] {
    if (!member.process || member.process->pid() != pid) return;
    if (by_kernel) {
      memory_.let_go(pid);
    } else {
      give_memory(pid);
    }
  });
  return true;
}

// The coordinator may not come to the step (nothing is left to commit): then it was no fault.
bool Faults::arm(std::uint32_t step) {
  StepControl& control = *cluster_.steps();
  std::uint32_t expected = kNoStep;
  if (!control.armed.compare_exchange_strong(expected, step)) return false;
  const auto struck = [&control] { return control.armed.load() == kNoStep; };
  const Instant limit = now() + 400ms;
  while (!struck() && now() < limit) usleep(500);
  if (struck()) return true;
  return !control.armed.compare_exchange_strong(step, kNoStep);
}

// Where a committed result lies, the store knows: in a file of its own or among others.
bool Faults::damage_result(std::uint64_t pick) {
  struct Place {
    fs::path file;
    off_t middle = 0;
  };
  std::vector<Place> places;
  for (const auto& row : StoreReader(cluster_.data())
                             .rows("SELECT job, file, file_offset, size FROM ranges "
                                   "WHERE is_committed = 1 ORDER BY id")) {
    const fs::path file = cluster_.data() / "jobs" / row[0] / row[1];
    const off_t begin = std::max(0L, std::stol(row[2]));  // -1: the file is this result alone
    if (fs::exists(file)) places.push_back({file, begin + std::stol(row[3]) / 2});
  }
  if (places.empty()) return false;
  const Place& place = places[pick % places.size()];
  const int fd = open(place.file.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  char byte = 0;
  bool is_damaged = pread(fd, &byte, 1, place.middle) == 1;
  byte = static_cast<char>(byte ^ 1);
  is_damaged = is_damaged && pwrite(fd, &byte, 1, place.middle) == 1;
  close(fd);
  return is_damaged;
}

}  // namespace posefleet::nemesis

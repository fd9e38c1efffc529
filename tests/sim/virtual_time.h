// Time that passes only because something happens, and what every part of the simulation shares:
// the clock, the dice, the faults, the network and the list of broken rules.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/random.h"
#include "common/protocol/ids.h"

namespace posefleet::sim {

using namespace std::chrono_literals;
using Instant = std::chrono::nanoseconds;
using Milliseconds = std::chrono::milliseconds;

// Chances, each for one occasion. After `calm_after` nothing goes wrong any more, and the work must
// end.
struct Faults {
  double message_lost = 0.03;
  double message_twice = 0.03;
  double message_late = 0.05;    // by up to `late_max`, so that others overtake it
  Milliseconds late_max{2000};   // 20 s of life, see rules_settings()
  double close_unnoticed = 0.3;  // nobody tells the coordinator that a connection closed
  // At each tick of a worker (50 ms).
  double worker_dies = 0.002;
  double worker_freezes = 0.002;  // for up to 4 s
  double worker_drains = 0.001;
  double worker_crawls = 0.001;  // ten times as slow for up to 5 s
  // At each range.
  double range_fails = 0.02;
  double range_hangs = 0.01;  // until somebody stops it
  // At each command of the coordinator.
  double coordinator_dies = 0.001;
  double commit_fails = 0.02;
  double disk_fills = 0.0005;  // for up to 3 s nothing can be stored
  double grant_fails = 0.01;
  double artifact_lost = 0.01;  // found when an artifact is read
  // A frame that kills every worker that computes it, in one of the stages, for ever.
  double poison = 0.5;
  Milliseconds calm_after{10'000};
};

// A rule that is broken on purpose, to see that the checker objects.
enum class Breakage {
  None,
  CommitsAreNotWritten,   // the edge says "committed" and writes nothing
  LastWriterWins,         // a result for a committed range is written again
  CreditIsInflated,       // workers are said to have more room than they have
  EveryResultIsComplete,  // the edge does not compare the hash
  ResultsAreLost,         // no ResultDone ever arrives
  SplitsAreForgotten,     // the store adds the halves and leaves the whole as it was
  WaitingIsExecuting,     // workers say that prefetched ranges are executing: they are charged
  CopiesHaveNoCap,        // any idle worker computes a slow range once more
  NeighboursGoWithIt,     // of two frames both are taken out
  CreditIsWithheld,       // one worker's room is never heard of
};

class World final {
 public:
  World(std::uint64_t seed, const Faults& what_fails, Breakage what_is_broken)
      : random(seed), faults(what_fails), breakage(what_is_broken) {}

  void at(Instant when, std::function<void()> what) { events_.emplace(when, std::move(what)); }
  void after(Instant time, std::function<void()> what) { at(now + time, std::move(what)); }

  // Lets things happen, in order, until `is_over` or `limit`.
  template <typename Condition>
  bool run_until(Instant limit, Condition&& is_over) {
    while (!is_over()) {
      if (events_.empty() || events_.begin()->first > limit) return false;
      const auto event = events_.extract(events_.begin());
      now = event.key();
      event.mapped()();
    }
    return true;
  }

  bool is_calm() const { return now >= faults.calm_after; }
  bool happens(double chance) { return !is_calm() && random.chance(chance); }
  Instant between(Milliseconds low, Milliseconds high) {
    return low + Milliseconds(random.below(static_cast<std::uint64_t>((high - low).count()) + 1));
  }

  // The network: carries a message by calling `deliver` once, twice or never. What is on time
  // arrives in the order in which it was sent on its channel.
  void carry(const std::string& channel, const std::function<void()>& deliver) {
    if (happens(faults.message_lost)) return;
    const int copies = happens(faults.message_twice) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      if (happens(faults.message_late)) {
        after(between(1ms, faults.late_max), deliver);
        continue;
      }
      Instant& last = last_arrival_[channel];
      last = std::max(last, now + between(1ms, 10ms));
      at(last, deliver);
    }
  }

  // Three failures take a single frame out. So that a sound one is never taken out by chance, its
  // worker is harmed at most once while that frame is computed (a lost result looks like one more
  // failure): then the rule "exactly the poison frame" holds to the letter. True: it may go wrong
  // now, and that is counted.
  bool may_harm(RangeId range, const FrameRange& frames) {
    if (frames.size() > 1) return true;
    return ++strikes_[range] <= 1;
  }

  void violated(const std::string& rule) {
    note(rule);
    violations.push_back(time_text() + rule);
  }
  void note(const std::string& what) const {
    if (is_traced) std::printf("%s%s\n", time_text().c_str(), what.c_str());
  }
  std::string time_text() const {
    return std::to_string(std::chrono::duration_cast<Milliseconds>(now).count()) + " ms: ";
  }

  Random random;
  const Faults faults;
  const Breakage breakage;
  const bool is_traced = std::getenv("POSEFLEET_SIM_TRACE") != nullptr;
  Instant now{};
  // Frame and stage of the poison; no stage: there is none.
  std::uint32_t poison_frame = 0;
  std::optional<Stage> poison_stage;
  std::vector<std::string> violations;
  std::map<RangeId, int> starts;   // of executions
  std::map<RangeId, int> charges;  // of failures
  int charges_to_excuse = 0;       // of ranges that never started, see WorkerNode::close

 private:
  std::map<RangeId, int> strikes_;
  std::unordered_map<std::string, Instant> last_arrival_;
  std::multimap<Instant, std::function<void()>> events_;  // equal times: in order of insertion
};

}  // namespace posefleet::sim

// A whole cluster on virtual time: one coordinator, some workers, one job, and everything that can
// go wrong between them. It checks rules, not outputs:
//
// - a range is committed exactly once (until its artifact is lost), with its own bytes;
// - nothing is acknowledged before it is committed;
// - a render range is granted only when all poses that it needs are committed;
// - a worker never gets more ranges than it has room for;
// - a range is never leased to more than two workers, nor charged more often than it was executed
//   (but for one guess with each connection that closes);
// - exactly the poison frame is taken out, and every other frame is there once;
// - no healthy worker has nothing to do while ranges are ready;
// - once the faults stop, the job succeeds, and no worker keeps anything for ever.
//
// To add a fault: a chance in Faults, and the place where it happens. To add a rule: a call of
// World::violated where it can be seen, and a Breakage that breaks it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/virtual_time.h"

namespace posefleet::sim {

struct Outcome {
  std::vector<std::string> violations;  // empty: all is well
  Instant took{};
  std::uint64_t attempts = 0;  // grants sent; as many as ranges when nothing goes wrong
  std::uint64_t ranges = 0;
  std::uint64_t splits = 0;
  std::uint64_t coordinator_deaths = 0;
};

// The same seed, faults and breakage give the same run, to the last message.
Outcome run_cluster(std::uint64_t seed, const Faults& faults = {},
                    Breakage breakage = Breakage::None);

}  // namespace posefleet::sim

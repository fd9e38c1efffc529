// How many networks a worker keeps in memory: as many as it was told, unless the second would not
// fit.
//
// Two networks share one copy of the weights, so the second costs little; but memory that is short
// ends in the kernel killing the process in the middle of a job, or in pages of the weights being
// read from the disk again and again. Better one network, and a line that says so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace posefleet {

struct PlacementNeeds {
  int networks = 1;  // wanted
  // What running the first crop will take, shared by all networks.
  std::uint64_t weight_bytes = 0;
  std::uint64_t network_bytes = 0;  // each network's own
  int threads = 1;                  // of each network, if all are placed
};

struct Placement {
  int networks = 1;
  int threads = 1;       // of each network: those of the one that was not placed are not lost
  std::string sentence;  // for the log: what was done and why
};

// `available`: bytes free before any of it is taken; nothing when nobody knows.
Placement place_networks(const PlacementNeeds& needs, std::optional<std::uint64_t> available);

}  // namespace posefleet

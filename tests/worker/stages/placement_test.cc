#include "worker/stages/placement.h"

#include <gtest/gtest.h>

namespace posefleet::tests {
namespace {

constexpr std::uint64_t kMib = 1 << 20;

// The released model with two networks on two cores: 2560 MiB and twice 120 MiB, and 256 to spare.
constexpr PlacementNeeds kFull = {
    .networks = 2, .weight_bytes = 2560 * kMib, .network_bytes = 120 * kMib, .threads = 1};
constexpr std::uint64_t kFullBytes = 3056 * kMib;

TEST(Placement, LeavesTheSecondNetworkOutWhenMemoryIsShort) {
  const struct {
    const char* name;
    std::optional<std::uint64_t> available;
    int networks;
    int threads;
  } cases[] = {
      {"plenty", 20'000 * kMib, 2, 1},
      {"just enough", kFullBytes, 2, 1},
      {"a byte too little", kFullBytes - 1, 1, 2},
      {"nothing", 0, 1, 2},
      {"unknown", std::nullopt, 2, 1},
  };
  for (const auto& [name, available, networks, threads] : cases) {
    SCOPED_TRACE(name);
    const Placement placement = place_networks(kFull, available);
    EXPECT_EQ(placement.networks, networks);
    EXPECT_EQ(placement.threads, threads);
  }
}

TEST(Placement, SaysWhatItDidAndWhy) {
  const std::string both = place_networks(kFull, 20'000 * kMib).sentence;
  for (const char* part : {"2 network", "20000 MiB", "3056 MiB", "2560 MiB", "120 MiB"}) {
    EXPECT_NE(both.find(part), std::string::npos) << both;
  }
  const std::string one = place_networks(kFull, 3000 * kMib).sentence;
  for (const char* part :
       {"one network instead of 2", "3000 MiB", "3056 MiB", "models_per_worker"}) {
    EXPECT_NE(one.find(part), std::string::npos) << one;
  }
}

TEST(Placement, AlwaysPlacesTheFirst) {
  PlacementNeeds needs = kFull;
  needs.networks = 1;
  needs.threads = 2;
  const Placement placement = place_networks(needs, 0);
  EXPECT_EQ(placement.networks, 1);
  EXPECT_EQ(placement.threads, 2);
}

}  // namespace
}  // namespace posefleet::tests

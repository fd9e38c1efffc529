#include "worker/stages/placement.h"

#include <fmt/format.h>

namespace posefleet {
namespace {

// For decoded frames, crops and the libraries' own: two ranges of 4K video in flight have some 24
// frames of 25 MB at most, a usual one a tenth of it.
constexpr std::uint64_t kReserveBytes = 256u << 20;

std::string mebibytes(std::uint64_t bytes) {
  return fmt::format("{} MiB", bytes >> 20);
}

}  // namespace

Placement place_networks(const PlacementNeeds& needs, std::optional<std::uint64_t> available) {
  const auto networks = static_cast<std::uint64_t>(needs.networks);
  const std::uint64_t needed = needs.weight_bytes + networks * needs.network_bytes + kReserveBytes;
  const std::string shares = fmt::format(
      "{} of weights for all, {} for each network and {} to spare", mebibytes(needs.weight_bytes),
      mebibytes(needs.network_bytes), mebibytes(kReserveBytes));
  if (needs.networks > 1 && available && *available < needed) {
    return {1, needs.threads * needs.networks,
            fmt::format("one network instead of {}: {} of memory are free, {} are needed ({}); end "
                        "other programs or set models_per_worker to 1",
                        needs.networks, mebibytes(*available), mebibytes(needed), shares)};
  }
  const std::string found =
      available ? mebibytes(*available) + " of memory are free" : "free memory is unknown here";
  return {needs.networks, needs.threads,
          fmt::format("{} network(s): {}, {} are needed ({})", needs.networks, found,
                      mebibytes(needed), shares)};
}

}  // namespace posefleet

#include "common/people/links.h"

#include <algorithm>
#include <array>

namespace posefleet {
namespace {

// Least overlap of a link over one, two and three frames. Somebody who runs across the picture
// moves a fifth of their width in a thirtieth of a second.
constexpr std::array<float, kLinkFramesMax> kOverlapMin = {0.3f, 0.25f, 0.2f};

struct Pair {
  float overlap = 0;
  std::uint32_t from = 0, to = 0;
};

// People of `first` without a next and of `second` without a previous, the most overlapping first.
void link_frames(const RangePoses& poses, std::uint32_t first, std::uint32_t second,
                 std::vector<std::vector<PersonLink>>& links) {
  const float least = kOverlapMin[second - first - 1];
  std::vector<Pair> pairs;
  for (std::uint32_t from = 0; from < poses[first].people.size(); ++from) {
    if (links[first][from].has_next) continue;
    for (std::uint32_t to = 0; to < poses[second].people.size(); ++to) {
      if (links[second][to].has_previous) continue;
      const float shared = overlap(poses[first].people[from].box, poses[second].people[to].box);
      if (shared >= least) pairs.push_back({shared, from, to});
    }
  }
  // Stable: equals stay in the order of people.
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Pair& a, const Pair& b) { return a.overlap > b.overlap; });
  for (const Pair& pair : pairs) {
    PersonLink& from = links[first][pair.from];
    PersonLink& to = links[second][pair.to];
    if (from.has_next || to.has_previous) continue;
    from.has_next = true;
    from.next = {second, pair.to};
    to.has_previous = true;
    to.previous = {first, pair.from};
  }
}

}  // namespace

float overlap(const PersonBox& a, const PersonBox& b) {
  const float width = std::min(a.x1, b.x1) - std::max(a.x0, b.x0);
  const float height = std::min(a.y1, b.y1) - std::max(a.y0, b.y0);
  if (!(width > 0 && height > 0)) return 0;
  const float shared = width * height;
  const float all = (a.x1 - a.x0) * (a.y1 - a.y0) + (b.x1 - b.x0) * (b.y1 - b.y0) - shared;
  return all > 0 ? shared / all : 0;
}

std::vector<std::vector<PersonLink>> link_people(const RangePoses& poses) {
  std::vector<std::vector<PersonLink>> links(poses.size());
  for (std::size_t i = 0; i < poses.size(); ++i) links[i].resize(poses[i].people.size());
  const auto count = static_cast<std::uint32_t>(poses.size());
  for (std::uint32_t step = 1; step <= kLinkFramesMax; ++step) {
    for (std::uint32_t first = 0; first + step < count; ++first) {
      link_frames(poses, first, first + step, links);
    }
  }
  return links;
}

}  // namespace posefleet

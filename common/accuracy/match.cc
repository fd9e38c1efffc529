#include "common/accuracy/match.h"

#include <algorithm>
#include <numeric>
#include <optional>

namespace posefleet {
namespace {

double area_of(const PersonBox& box) {
  return std::max(0.0, double{box.x1} - box.x0) * std::max(0.0, double{box.y1} - box.y0);
}

PersonBox inside(const PersonBox& box, FrameSize frame) {
  const auto width = static_cast<float>(frame.width);
  const auto height = static_cast<float>(frame.height);
  return {std::clamp(box.x0, 0.0f, width), std::clamp(box.y0, 0.0f, height),
          std::clamp(box.x1, 0.0f, width), std::clamp(box.y1, 0.0f, height)};
}

double shared_area(const PersonBox& a, const PersonBox& b) {
  return area_of(
      {std::max(a.x0, b.x0), std::max(a.y0, b.y0), std::min(a.x1, b.x1), std::min(a.y1, b.y1)});
}

// Share of a found box that lies in another.
double share_within(const PersonBox& found, const PersonBox& other, FrameSize frame) {
  const double area = area_of(inside(found, frame));
  return area > 0 ? shared_area(inside(found, frame), inside(other, frame)) / area : 0;
}

// The best scores first.
std::vector<std::size_t> order_by_score(std::span<const PersonBox> found) {
  std::vector<std::size_t> order(found.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return found[a].score > found[b].score; });
  return order;
}

}  // namespace

bool is_counted(const TruePerson& person, const MatchOptions& options) {
  return double{person.box.y1} - person.box.y0 >= options.height_min &&
         person.visible >= options.visible_min;
}

double box_overlap(const PersonBox& a, const PersonBox& b, FrameSize frame) {
  const PersonBox first = inside(a, frame);
  const PersonBox second = inside(b, frame);
  const double shared = shared_area(first, second);
  const double either = area_of(first) + area_of(second) - shared;
  return either > 0 ? shared / either : 0;
}

FrameMatch match_people(std::span<const TruePerson> truth, std::span<const PersonBox> found,
                        FrameSize frame, const MatchOptions& options) {
  FrameMatch match;
  std::vector<std::size_t> free;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    (is_counted(truth[i], options) ? free : match.ignored).push_back(i);
  }
  for (const std::size_t candidate : order_by_score(found)) {
    auto best = free.end();
    double best_overlap = 0;
    for (auto it = free.begin(); it != free.end(); ++it) {
      const double overlap = box_overlap(truth[*it].box, found[candidate], frame);
      if (overlap >= options.overlap_min && overlap > best_overlap) {
        best = it;
        best_overlap = overlap;
      }
    }
    if (best != free.end()) {
      match.pairs.push_back({*best, candidate});
      free.erase(best);
      continue;
    }
    // Of somebody half hidden a detector finds the part that is seen, so that the share of the
    // found box decides, not that of both.
    const bool is_excused =
        std::any_of(match.ignored.begin(), match.ignored.end(), [&](std::size_t i) {
          return share_within(found[candidate], truth[i].box, frame) >= options.overlap_min;
        });
    (is_excused ? match.neither : match.wrong).push_back(candidate);
  }
  match.missed = std::move(free);
  std::sort(match.pairs.begin(), match.pairs.end(),
            [](const MatchedPair& a, const MatchedPair& b) { return a.true_index < b.true_index; });
  std::sort(match.wrong.begin(), match.wrong.end());
  std::sort(match.neither.begin(), match.neither.end());
  return match;
}

}  // namespace posefleet

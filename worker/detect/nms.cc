#include "worker/detect/nms.h"

#include <algorithm>

#include "common/protocol/detector_settings.h"

namespace posefleet {
namespace {

float area(const std::array<float, 4>& box) {
  return std::max(0.0f, box[2] - box[0]) * std::max(0.0f, box[3] - box[1]);
}

float shared_area(const std::array<float, 4>& a, const std::array<float, 4>& b) {
  return area(
      {std::max(a[0], b[0]), std::max(a[1], b[1]), std::min(a[2], b[2]), std::min(a[3], b[3])});
}

// The share of `box` that lies in `other`.
float covered_share(const std::array<float, 4>& box, const std::array<float, 4>& other) {
  const float own = area(box);
  return own > 0 ? shared_area(box, other) / own : 0;
}

}  // namespace

float overlap(const std::array<float, 4>& a, const std::array<float, 4>& b) {
  const float shared = shared_area(a, b);
  const float both = area(a) + area(b) - shared;
  return both > 0 ? shared / both : 0;
}

std::vector<Candidate> without_overlaps(const std::vector<Candidate>& candidates, double iou,
                                        std::size_t count_max) {
  const auto limit = static_cast<float>(iou);
  std::vector<Candidate> kept;
  for (const Candidate& candidate : candidates) {
    if (kept.size() == count_max) break;
    const bool is_seen = std::any_of(kept.begin(), kept.end(), [&](const Candidate& other) {
      if (other.class_index != candidate.class_index) return false;
      return overlap(candidate.box, other.box) > limit ||
             (candidate.is_cut && covered_share(candidate.box, other.box) > limit);
    });
    if (!is_seen) kept.push_back(candidate);
  }
  return kept;
}

std::vector<Candidate> merged_tiles(std::vector<Candidate> candidates, double iou) {
  std::sort(candidates.begin(), candidates.end(), is_before);
  std::stable_partition(candidates.begin(), candidates.end(),
                        [](const Candidate& candidate) { return !candidate.is_cut; });
  std::vector<Candidate> kept = without_overlaps(candidates, iou, kPeopleMax);
  std::sort(kept.begin(), kept.end(), is_before);
  return kept;
}

}  // namespace posefleet

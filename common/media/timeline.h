// Private to common/media: decode times and durations from the sorted presentation times alone.
//
// Each encoder knew only its own piece, so its decode times overlap with the neighbours'. Since a
// decoder of reorder depth D shows the frame i - D when it decodes packet i at the latest, the
// sorted presentation times, moved by D places, are decode times that always grow.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace posefleet::av {

// Refers to `pts` (sorted, not empty), which must outlive it.
class Timeline final {
 public:
  Timeline(const std::vector<std::int64_t>& pts, std::size_t reorder_depth)
      : pts_(pts), depth_(reorder_depth) {}

  // Of the packet with this ordinal in decode order. The first D are spaced by a whole frame: one
  // tick would do for order, but players take the first difference for the frame's duration.
  std::int64_t dts(std::size_t ordinal) const {
    if (ordinal >= depth_) return pts_[ordinal - depth_];
    return pts_.front() - static_cast<std::int64_t>(depth_ - ordinal) * first_duration();
  }

  // Until the next frame; the last frame lasts as long as the one before.
  std::int64_t duration_at(std::int64_t pts) const {
    const auto next = std::upper_bound(pts_.begin(), pts_.end(), pts);
    if (next != pts_.end()) return *next - pts;
    return pts_.size() > 1 ? pts_.back() - pts_[pts_.size() - 2] : first_duration();
  }

 private:
  std::int64_t first_duration() const { return pts_.size() > 1 ? pts_[1] - pts_[0] : 1; }

  const std::vector<std::int64_t>& pts_;
  const std::size_t depth_;
};

}  // namespace posefleet::av

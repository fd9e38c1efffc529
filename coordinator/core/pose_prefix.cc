#include "coordinator/core/pose_prefix.h"

#include <algorithm>

#include "common/base/check.h"

namespace posefleet::core {

void PosePrefix::add(const FrameRange& frames, bool is_committed) {
  parts_[frames.first] = {frames.end, is_committed};
  if (!is_committed) end_ = std::min(end_, frames.first);
}

void PosePrefix::remove(const FrameRange& frames) {
  parts_.erase(frames.first);
  advance();
}

void PosePrefix::set_committed(const FrameRange& frames, bool is_committed) {
  const auto found = parts_.find(frames.first);
  POSEFLEET_CHECK(found != parts_.end());
  found->second.is_committed = is_committed;
  if (is_committed) {
    advance();
  } else {
    end_ = std::min(end_, frames.first);
  }
}

void PosePrefix::advance() {
  if (end_ == UINT32_MAX) return;
  auto part = parts_.lower_bound(end_);
  while (part != parts_.end() && part->second.is_committed) ++part;
  end_ = part == parts_.end() ? UINT32_MAX : part->first;
}

}  // namespace posefleet::core

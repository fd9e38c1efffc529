// Where the people of a task's frames are: as the task names them, as the detector finds them, or
// the whole frame as one person.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/base/result.h"
#include "common/protocol/messages.h"
#include "common/protocol/tasks.h"
#include "worker/detect/detector.h"

namespace posefleet {

// One owner, one thread.
class PeopleFinder final {
 public:
  // `detector` null: there is none, and whole frames are taken where one is asked for.
  explicit PeopleFinder(std::unique_ptr<Detector> detector) : detector_(std::move(detector)) {}

  // How many frames are best looked at together. They lie in memory at once.
  std::uint32_t frames_at_once(const PoseTask& task) const;

  // For `pictures`, the frames from `first_frame` on. Counts in `stats` the frames that were not
  // looked at though the task says so. Errors name the frames.
  Result<std::vector<std::vector<PersonBox>>> find(const PoseTask& task, std::uint32_t first_frame,
                                                   std::span<const BgrView> pictures,
                                                   RangeStats& stats,
                                                   const Detector::OnProgress& on_progress);

 private:
  std::unique_ptr<Detector> detector_;
};

}  // namespace posefleet

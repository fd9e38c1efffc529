#include "worker/stages/people_finder.h"

#include <string>

namespace posefleet {
namespace {

// Enough to give several threads a picture each; a frame of 4K takes 25 MB.
constexpr std::uint32_t kDetectedFrames = 8;

std::vector<PersonBox> whole_frame(const BgrView& picture) {
  return {{0, 0, static_cast<float>(picture.width), static_cast<float>(picture.height), 1}};
}

std::vector<PersonBox> given_boxes(const PoseTask& task, std::uint32_t frame) {
  for (const FrameBoxes& boxes : task.boxes) {
    if (boxes.frame == frame) return boxes.boxes;
  }
  return {};
}

}  // namespace

std::uint32_t PeopleFinder::frames_at_once(const PoseTask& task) const {
  return task.box_source == BoxSource::Detect && detector_ != nullptr ? kDetectedFrames : 1;
}

Result<std::vector<std::vector<PersonBox>>> PeopleFinder::find(
    const PoseTask& task, std::uint32_t first_frame, std::span<const BgrView> pictures,
    RangeStats& stats, const Detector::OnProgress& on_progress) {
  if (task.box_source == BoxSource::Detect && detector_ != nullptr) {
    auto people = detector_->detect(pictures, task.detector, on_progress);
    if (people) return people;
    return in_context("frames " + std::to_string(first_frame) + " to " +
                          std::to_string(first_frame + pictures.size() - 1),
                      people.error());
  }
  std::vector<std::vector<PersonBox>> people;
  for (std::uint32_t i = 0; i < pictures.size(); ++i) {
    people.push_back(task.box_source == BoxSource::Given ? given_boxes(task, first_frame + i)
                                                         : whole_frame(pictures[i]));
  }
  if (task.box_source == BoxSource::Detect) {
    stats.frames_undetected += static_cast<std::uint32_t>(pictures.size());
  }
  return people;
}

}  // namespace posefleet

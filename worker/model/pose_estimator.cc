#include "worker/model/pose_estimator.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "common/base/check.h"
#include "common/body/camera.h"

namespace posefleet {
namespace {

std::string person_name(const FramePoses& frame, std::size_t person) {
  return fmt::format("frame {}, person {} ({})", frame.frame, person,
                     to_text(frame.people[person].box));
}

bool all_finite(std::span<const float> numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](float x) { return std::isfinite(x); });
}

// Empty, or the first part of the pose that is not a number.
std::string_view first_non_finite(const PersonPose& pose) {
  if (!all_finite(pose.global_orient)) return "global_orient";
  for (const Rotation& joint : pose.body_pose) {
    if (!all_finite(joint)) return "body_pose";
  }
  if (!all_finite(pose.betas)) return "betas";
  if (!all_finite(pose.pred_cam)) return "pred_cam";
  if (!all_finite(pose.camera_translation)) return "camera_translation";
  return {};
}

Status check_picture(std::uint32_t frame, const BgrView& picture) {
  if (picture.pixels == nullptr || picture.width <= 0 || picture.height <= 0 ||
      picture.stride < std::ptrdiff_t{3} * picture.width) {
    return rejected(
        fmt::format("frame {}: a picture of {}x{} pixels with {} bytes a row cannot be "
                    "an 8-bit BGR frame",
                    frame, picture.width, picture.height, picture.stride));
  }
  return done();
}

}  // namespace

Result<EstimatorSettings> estimator_settings(const Manifest& manifest) {
  EstimatorSettings settings;
  POSEFLEET_TRY(settings.normalisation, crop_normalisation(manifest));
  if (!std::isfinite(manifest.focal_length) || manifest.focal_length <= 0) {
    return rejected(
        fmt::format("model '{}': focal_length is {}, expected a positive number of "
                    "pixels; import the model again",
                    manifest.name, manifest.focal_length));
  }
  settings.focal_length = manifest.focal_length;
  return settings;
}

Status CropBatcher::add_frame(std::uint32_t frame, const BgrView& picture,
                              std::span<const PersonBox> boxes, const Take& take) {
  POSEFLEET_TRY_DO(check_picture(frame, picture));
  if (frames_ > 0 && frame <= last_frame_) {
    return rejected(
        fmt::format("frame {} came after frame {}; a range's frames must come in rising order",
                    frame, last_frame_));
  }
  last_frame_ = frame;
  FramePoses& poses = batch_.frames.emplace_back();
  poses.frame = frame;
  for (const PersonBox& box : boxes) poses.people.emplace_back().box = box;
  const std::size_t frame_place = frames_++;
  for (std::size_t person = 0; person < boxes.size(); ++person) {
    auto geometry = crop_geometry(boxes[person], picture.width, picture.height);
    if (!geometry) {
      return in_context(fmt::format("frame {}, person {}", frame, person),
                        std::move(geometry).error());
    }
    const std::size_t slot = batch_.crops.size();
    batch_.crops.reserve(batch_size_ * kCropFloats);
    batch_.crops.resize(slot + kCropFloats);
    make_crop(picture, *geometry, normalisation_, std::span(batch_.crops).subspan(slot));
    batch_.places.push_back({frame_place, person, *std::move(geometry),
                             FrameSize{static_cast<std::uint32_t>(picture.width),
                                       static_cast<std::uint32_t>(picture.height)}});
    if (batch_.places.size() == batch_size_) {
      POSEFLEET_TRY_DO(take(std::exchange(batch_, {})));
    }
  }
  return done();
}

Status PoseCollector::add(CropBatch batch) {
  for (FramePoses& frame : batch.frames) poses_.push_back(std::move(frame));
  if (batch.places.empty()) return done();
  POSEFLEET_TRY(const std::vector<NetworkOutput> outputs,
                run_(batch.crops, static_cast<int>(batch.places.size())));
  POSEFLEET_CHECK(outputs.size() == batch.places.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    POSEFLEET_TRY_DO(store(batch.places[i], outputs[i]));
  }
  return done();
}

Status PoseCollector::store(const CropPlace& place, const NetworkOutput& output) {
  FramePoses& frame = poses_[place.frame_place];
  PersonPose& pose = frame.people[place.person_place];
  pose.global_orient = output.global_orient;
  pose.body_pose = output.body_pose;
  pose.betas = output.betas;
  pose.pred_cam = output.pred_cam;
  const CropSquare square = {place.geometry.center[0], place.geometry.center[1],
                             place.geometry.size};
  pose.focal_length = full_frame_focal_length(place.frame_size, focal_length_);
  pose.camera_translation =
      full_frame_translation(output.pred_cam, square, place.frame_size, pose.focal_length);
  if (const std::string_view part = first_non_finite(pose); !part.empty()) {
    return rejected(
        fmt::format("{}: the network gave a {} that is not finite; the weights do not "
                    "fit or are damaged, check the model folder",
                    person_name(frame, place.person_place), part));
  }
  return done();
}

RangeEstimator::RangeEstimator(PoseModel& model, const EstimatorSettings& settings)
    : batcher_(model.batch_size(), settings.normalisation),
      collector_(
          [&model](std::span<const float> crops, int count) { return model.run(crops, count); },
          settings.focal_length) {}

Status RangeEstimator::add_frame(std::uint32_t frame, const BgrView& picture,
                                 std::span<const PersonBox> boxes) {
  return batcher_.add_frame(frame, picture, boxes,
                            [this](CropBatch batch) { return collector_.add(std::move(batch)); });
}

Result<RangePoses> RangeEstimator::finish() {
  POSEFLEET_TRY_DO(collector_.add(batcher_.finish()));
  return collector_.finish();
}

}  // namespace posefleet

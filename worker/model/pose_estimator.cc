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

RangeEstimator::RangeEstimator(PoseModel& model, const EstimatorSettings& settings)
    : model_(model),
      settings_(settings),
      crops_(static_cast<std::size_t>(model.batch_size()) * kCropFloats) {}

Status RangeEstimator::add_frame(std::uint32_t frame, const BgrView& picture,
                                 std::span<const PersonBox> boxes) {
  POSEFLEET_TRY_DO(check_picture(frame, picture));
  if (!poses_.empty() && frame <= poses_.back().frame) {
    return rejected(
        fmt::format("frame {} came after frame {}; a range's frames must come in rising order",
                    frame, poses_.back().frame));
  }
  FramePoses& poses = poses_.emplace_back();
  poses.frame = frame;
  poses.people.resize(boxes.size());
  for (std::size_t person = 0; person < boxes.size(); ++person) {
    poses.people[person].box = boxes[person];
    auto geometry = crop_geometry(boxes[person], picture.width, picture.height);
    if (!geometry) {
      return in_context(fmt::format("frame {}, person {}", frame, person),
                        std::move(geometry).error());
    }
    const std::span<float> slot =
        std::span(crops_).subspan(pending_.size() * kCropFloats, kCropFloats);
    make_crop(picture, *geometry, settings_.normalisation, slot);
    pending_.push_back({poses_.size() - 1, person, *std::move(geometry),
                        FrameSize{static_cast<std::uint32_t>(picture.width),
                                  static_cast<std::uint32_t>(picture.height)}});
    if (pending_.size() == static_cast<std::size_t>(model_.batch_size())) {
      POSEFLEET_TRY_DO(run_batch());
    }
  }
  return done();
}

Result<RangePoses> RangeEstimator::finish() {
  if (!pending_.empty()) POSEFLEET_TRY_DO(run_batch());
  return std::exchange(poses_, {});
}

Status RangeEstimator::run_batch() {
  const std::size_t count = pending_.size();
  POSEFLEET_TRY(const std::vector<NetworkOutput> outputs,
                model_.run(std::span(crops_).first(count * kCropFloats), static_cast<int>(count)));
  POSEFLEET_CHECK(outputs.size() == count);
  for (std::size_t i = 0; i < count; ++i) POSEFLEET_TRY_DO(store(pending_[i], outputs[i]));
  pending_.clear();
  return done();
}

Status RangeEstimator::store(const Pending& pending, const NetworkOutput& output) {
  FramePoses& frame = poses_[pending.frame_place];
  PersonPose& pose = frame.people[pending.person_place];
  pose.global_orient = output.global_orient;
  pose.body_pose = output.body_pose;
  pose.betas = output.betas;
  pose.pred_cam = output.pred_cam;
  const CropSquare square = {pending.geometry.center[0], pending.geometry.center[1],
                             pending.geometry.size};
  pose.focal_length = full_frame_focal_length(pending.frame_size, settings_.focal_length);
  pose.camera_translation =
      full_frame_translation(output.pred_cam, square, pending.frame_size, pose.focal_length);
  if (const std::string_view part = first_non_finite(pose); !part.empty()) {
    return rejected(
        fmt::format("{}: the network gave a {} that is not finite; the weights do not "
                    "fit or are damaged, check the model folder",
                    person_name(frame, pending.person_place), part));
  }
  return done();
}

}  // namespace posefleet

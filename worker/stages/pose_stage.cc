#include "worker/stages/pose_stage.h"

#include "common/media/frame_table.h"
#include "common/media/image.h"
#include "common/process/clock.h"
#include "common/wire/codec.h"
#include "worker/model/pose_estimator.h"
#include "worker/stages/frame_source.h"

namespace posefleet {
namespace {

BgrView view_of(const BgrImage& image) {
  return {image.pixels.data(), image.width, image.height,
          static_cast<std::ptrdiff_t>(image.width) * 3};
}

// The people of a frame: those that the task names, or the whole frame as one.
std::vector<PersonBox> boxes_of(const PoseTask& task, std::uint32_t frame, const BgrImage& image) {
  if (task.box_source == BoxSource::WholeFrame) {
    return {{0, 0, static_cast<float>(image.width), static_cast<float>(image.height), 1}};
  }
  for (const FrameBoxes& boxes : task.boxes) {
    if (boxes.frame == frame) return boxes.boxes;
  }
  return {};
}

Error cancelled() {
  return retry("cancelled");
}

}  // namespace

class PoseStage::Impl final {
 public:
  Impl(const ModelFolder& folder, SharedWeights weights, const PoseStageOptions& options,
       EstimatorSettings settings)
      : network_id_(network_id(folder.model_hash, precision_of(*weights))),
        weights_(std::move(weights)),
        options_(options),
        settings_(settings) {}

  Result<RangeOutput> run(const Grant& grant, RangeProgress& progress) {
    POSEFLEET_TRY(const PoseTask task, decode_pose_task(grant.task));
    if (task.model_hash != network_id_) {
      return internal_error("the task wants the network " + task.model_hash + ", this worker has " +
                            network_id_);
    }
    POSEFLEET_TRY_DO(prepare_network(static_cast<int>(task.batch_size)));
    RangeOutput output;
    const Instant started = now();
    RangeEstimator estimator(*network_, settings_);
    if (task.frames.is_image) {
      POSEFLEET_TRY_DO(add_picture(task, estimator, output.stats));
    } else {
      POSEFLEET_TRY_DO(add_video(task, estimator, output.stats, progress));
    }
    POSEFLEET_TRY(const RangePoses poses, estimator.finish());
    progress.add_frame();
    for (const FramePoses& frame : poses) {
      output.stats.frames_with_people += frame.people.empty() ? 0 : 1;
      output.stats.people += static_cast<std::uint32_t>(frame.people.size());
    }
    output.stats.work_seconds = seconds(now() - started) - output.stats.decode_seconds;
    output.bytes = encode(poses);
    return output;
  }

 private:
  // The network's memory is laid out for one batch size; jobs rarely differ in it.
  Status prepare_network(int batch_size) {
    if (network_ != nullptr && network_->batch_size() == batch_size) return done();
    network_.reset();
    POSEFLEET_TRY(network_,
                  Hmr2::create(weights_, {.threads = options_.threads, .batch_size = batch_size}));
    return done();
  }

  Status add_picture(const PoseTask& task, RangeEstimator& estimator, RangeStats& stats) {
    const Instant started = now();
    POSEFLEET_TRY_DO(check_source_unchanged(task.frames.source));
    POSEFLEET_TRY(const BgrImage image, read_image(task.frames.source.path));
    stats.decode_seconds += seconds(now() - started);
    return estimator.add_frame(0, view_of(image), boxes_of(task, 0, image));
  }

  Status add_video(const PoseTask& task, RangeEstimator& estimator, RangeStats& stats,
                   RangeProgress& progress) {
    POSEFLEET_TRY(RangeDecoder decoder, open_task_video(task.frames));
    std::uint32_t frame_number = task.frames.first_frame;
    while (true) {
      if (progress.is_cancelled()) return cancelled();
      const Instant started = now();
      POSEFLEET_TRY(const std::optional<VideoFrame> frame, decoder.next());
      if (!frame) return done();
      POSEFLEET_TRY(const BgrImage image, to_bgr(*frame));
      stats.decode_seconds += seconds(now() - started);
      POSEFLEET_TRY_DO(
          estimator.add_frame(frame_number, view_of(image), boxes_of(task, frame_number, image)));
      ++frame_number;
      progress.add_frame();
    }
  }

  std::string network_id_;
  SharedWeights weights_;
  PoseStageOptions options_;
  EstimatorSettings settings_;
  std::unique_ptr<Hmr2> network_;
};

PoseStage::PoseStage(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PoseStage::~PoseStage() = default;

Result<std::unique_ptr<PoseStage>> PoseStage::create(const ModelFolder& folder,
                                                     SharedWeights weights,
                                                     const PoseStageOptions& options) {
  POSEFLEET_TRY(const EstimatorSettings settings, estimator_settings(folder.manifest));
  return std::unique_ptr<PoseStage>(
      new PoseStage(std::make_unique<Impl>(folder, std::move(weights), options, settings)));
}

Result<RangeOutput> PoseStage::run(const Grant& grant, RangeProgress& progress) {
  return impl_->run(grant, progress);
}

}  // namespace posefleet

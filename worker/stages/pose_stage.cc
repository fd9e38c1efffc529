#include "worker/stages/pose_stage.h"

#include "common/media/frame_table.h"
#include "common/media/image.h"
#include "common/process/clock.h"
#include "common/wire/codec.h"
#include "worker/model/pose_estimator.h"
#include "worker/stages/frame_source.h"
#include "worker/stages/people_finder.h"

namespace posefleet {
namespace {

BgrView view_of(const BgrImage& image) {
  return {image.pixels.data(), image.width, image.height,
          static_cast<std::ptrdiff_t>(image.width) * 3};
}

Error cancelled() {
  return retry("cancelled");
}

}  // namespace

class PoseStage::Impl final {
 public:
  Impl(const ModelFolder& folder, SharedWeights weights, const PoseStageOptions& options,
       EstimatorSettings settings, std::unique_ptr<Detector> detector)
      : network_id_(network_id(folder.model_hash, precision_of(*weights))),
        weights_(std::move(weights)),
        options_(options),
        settings_(settings),
        finder_(std::move(detector)) {}

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
      POSEFLEET_TRY_DO(add_picture(task, estimator, output.stats, progress));
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

  Status add_picture(const PoseTask& task, RangeEstimator& estimator, RangeStats& stats,
                     RangeProgress& progress) {
    const Instant started = now();
    POSEFLEET_TRY_DO(check_source_unchanged(task.frames.source));
    std::vector<BgrImage> images(1);
    POSEFLEET_TRY(images.front(), read_image(task.frames.source.path));
    stats.decode_seconds += seconds(now() - started);
    return add_frames(task, 0, images, estimator, stats, progress);
  }

  Status add_video(const PoseTask& task, RangeEstimator& estimator, RangeStats& stats,
                   RangeProgress& progress) {
    POSEFLEET_TRY(RangeDecoder decoder, open_task_video(task.frames));
    std::uint32_t frame_number = task.frames.first_frame;
    std::vector<BgrImage> images;
    while (true) {
      if (progress.is_cancelled()) return cancelled();
      const Instant started = now();
      POSEFLEET_TRY(const std::optional<VideoFrame> frame, decoder.next());
      if (frame) {
        POSEFLEET_TRY(BgrImage image, to_bgr(*frame));
        images.push_back(std::move(image));
      }
      stats.decode_seconds += seconds(now() - started);
      const bool is_full = images.size() == finder_.frames_at_once(task);
      if (!images.empty() && (is_full || !frame)) {
        POSEFLEET_TRY_DO(add_frames(task, frame_number, images, estimator, stats, progress));
        frame_number += static_cast<std::uint32_t>(images.size());
        images.clear();
      }
      if (!frame) return done();
    }
  }

  // Frames in a row, from `first_frame` on.
  Status add_frames(const PoseTask& task, std::uint32_t first_frame,
                    const std::vector<BgrImage>& images, RangeEstimator& estimator,
                    RangeStats& stats, RangeProgress& progress) {
    std::vector<BgrView> views;
    for (const BgrImage& image : images) views.push_back(view_of(image));
    // Each look of a slow detector is progress: it keeps the lease alive.
    const auto on_look = [&]() -> Status {
      if (progress.is_cancelled()) return cancelled();
      progress.add_frame();
      return done();
    };
    POSEFLEET_TRY(const auto people, finder_.find(task, first_frame, views, stats, on_look));
    for (std::size_t i = 0; i < images.size(); ++i) {
      if (progress.is_cancelled()) return cancelled();
      const std::uint32_t frame = first_frame + static_cast<std::uint32_t>(i);
      POSEFLEET_TRY_DO(estimator.add_frame(frame, views[i], people[i]));
      progress.add_frame();
    }
    return done();
  }

  std::string network_id_;
  SharedWeights weights_;
  PoseStageOptions options_;
  EstimatorSettings settings_;
  PeopleFinder finder_;
  std::unique_ptr<Hmr2> network_;
};

PoseStage::PoseStage(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PoseStage::~PoseStage() = default;

Result<std::unique_ptr<PoseStage>> PoseStage::create(const ModelFolder& folder,
                                                     SharedWeights weights,
                                                     const PoseStageOptions& options) {
  POSEFLEET_TRY(const EstimatorSettings settings, estimator_settings(folder.manifest));
  std::unique_ptr<Detector> detector;
  if (options.detector != nullptr) {
    POSEFLEET_TRY(std::unique_ptr<DetectionNetwork> network,
                  make_detection_network(options.detector, options.threads));
    detector = std::make_unique<Detector>(std::move(network));
  }
  return std::unique_ptr<PoseStage>(new PoseStage(
      std::make_unique<Impl>(folder, std::move(weights), options, settings, std::move(detector))));
}

Result<RangeOutput> PoseStage::run(const Grant& grant, RangeProgress& progress) {
  return impl_->run(grant, progress);
}

}  // namespace posefleet

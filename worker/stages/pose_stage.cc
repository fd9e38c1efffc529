#include "worker/stages/pose_stage.h"

#include <optional>

#include "common/base/check.h"
#include "common/media/image.h"
#include "common/process/clock.h"
#include "common/wire/codec.h"
#include "worker/stages/frame_source.h"
#include "worker/stages/pose_pipeline.h"

namespace posefleet {
namespace {

// A task's pictures, one after the other. One thread.
class Pictures final {
 public:
  Pictures(const TaskFrames& frames, SourceCache& sources, RangeProgress& progress)
      : frames_(frames), sources_(sources), progress_(progress) {}

  Result<std::optional<BgrImage>> next() {
    if (frames_.is_image) return next_image();
    if (!decoder_) {
      POSEFLEET_TRY(RangeDecoder decoder, open_task_video(frames_, sources_, progress_));
      decoder_.emplace(std::move(decoder));
    }
    POSEFLEET_TRY(const std::optional<VideoFrame> frame, decoder_->next());
    if (!frame) return std::optional<BgrImage>();
    POSEFLEET_TRY(BgrImage image, to_bgr(*frame));
    return std::optional<BgrImage>(std::move(image));
  }

  // Of those given so far, by their place in the task.
  std::vector<std::uint32_t> damaged() const {
    std::vector<std::uint32_t> places;
    if (!decoder_) return places;
    for (const std::uint32_t frame : decoder_->damaged_frames()) {
      places.push_back(frame - frames_.in_window().first);
    }
    return places;
  }

 private:
  Result<std::optional<BgrImage>> next_image() {
    if (is_read_) return std::optional<BgrImage>();
    is_read_ = true;
    POSEFLEET_TRY(BgrImage image, read_task_image(frames_, sources_, progress_));
    return std::optional<BgrImage>(std::move(image));
  }

  const TaskFrames& frames_;
  SourceCache& sources_;
  RangeProgress& progress_;
  std::optional<RangeDecoder> decoder_;
  bool is_read_ = false;
};

void count_people(const RangePoses& poses, RangeStats& stats) {
  for (const FramePoses& frame : poses) {
    stats.frames_with_people += frame.people.empty() ? 0 : 1;
    stats.people += static_cast<std::uint32_t>(frame.people.size());
  }
}

}  // namespace

Result<RangeOutput> PoseStage::run(const Grant& grant, RangeProgress& progress) {
  POSEFLEET_TRY(const PoseTask task, decode_pose_task(grant.task));
  if (task.model_hash != engine_.id()) {
    return internal_error("the task wants the network " + task.model_hash + ", this worker has " +
                          engine_.id());
  }
  RangeOutput output;
  Pictures pictures(task.frames, sources_, progress);
  PoseLine line;
  line.first_frame = task.frames.is_image ? 0 : task.frames.first_frame;
  line.batch_size = static_cast<int>(task.batch_size);
  line.settings = engine_.settings();
  line.next_picture = [&] { return pictures.next(); };
  line.pictures_at_once = engine_.pictures_at_once(task);
  line.find_people = [&](std::uint32_t first_frame, std::span<const BgrView> views) {
    // Each look of a slow detector is progress: it keeps the lease alive.
    return engine_.find_people(task, first_frame, views, output.stats, [&]() -> Status {
      progress.add_step();
      if (progress.is_cancelled()) return retry("cancelled");
      return done();
    });
  };
  line.run_network = [&](std::span<const float> crops, int count) {
    const OnStep on_step = [&] { progress.add_step(); };
    Turns::Turn turn = engine_.network().turns().take(on_step);
    const Instant started = now();
    auto outputs = engine_.network().run(turn, crops, count, line.batch_size, on_step);
    output.stats.work_seconds += seconds(now() - started);
    return outputs;
  };
  POSEFLEET_TRY(PoseLineResult result, run_pose_line(line, progress));
  for (const std::uint32_t place : pictures.damaged()) {
    POSEFLEET_CHECK(place < result.poses.size());
    result.poses[place].is_damaged = true;
  }
  output.stats.decode_seconds = result.decode_seconds;
  count_people(result.poses, output.stats);
  output.bytes = encode(result.poses);
  return output;
}

}  // namespace posefleet

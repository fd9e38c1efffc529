#include "worker/stages/pose_pipeline.h"

#include <thread>
#include <utility>

#include <pthread.h>

#include "common/process/bounded_queue.h"
#include "common/process/clock.h"

namespace posefleet {
namespace {

// Frames that wait decoded: enough that a key frame, which takes several times as long as others,
// stops nobody. A frame of 4K takes 25 MB.
constexpr std::size_t kFramesAhead = 4;

// Batches that wait cut, besides the one that runs and the one that is being filled.
constexpr std::size_t kBatchesAhead = 1;

Error cancelled() {
  return retry("cancelled");
}

BgrView view_of(const BgrImage& image) {
  return {image.pixels.data(), image.width, image.height,
          static_cast<std::ptrdiff_t>(image.width) * 3};
}

// One run of the line. Owned by run_pose_line; each stage's function runs on its own thread, and
// they meet at the queues alone.
class Line final {
 public:
  Line(const PoseLine& line, RangeProgress& progress) : line_(line), progress_(progress) {}

  Result<PoseLineResult> run() {
    std::jthread decode([this] { decode_all(); });
    std::jthread crop([this] { crop_all(); });
    pthread_setname_np(decode.native_handle(), "pose-decode");
    pthread_setname_np(crop.native_handle(), "pose-crop");
    auto poses = infer_all();
    // Who still pushes is told that nobody listens any more; the threads end here.
    pictures_.close();
    batches_.close();
    decode.join();
    crop.join();
    POSEFLEET_TRY(RangePoses all, std::move(poses));
    return PoseLineResult{std::move(all), decode_seconds_};
  }

 private:
  // ---- first stage ----

  void decode_all() {
    while (true) {
      const Instant started = now();
      Result<std::optional<BgrImage>> picture = cancelled();
      if (!progress_.is_cancelled()) picture = line_.next_picture();
      decode_seconds_ += seconds(now() - started);
      if (!picture) {
        pictures_.push(std::move(picture).error());
        break;
      }
      if (!*picture || !pictures_.push(**std::move(picture))) break;
    }
    pictures_.close();
  }

  // ---- second stage ----

  void crop_all() {
    if (auto status = cut_batches(); !status && !is_abandoned_) {
      batches_.push(std::move(status).error());
    }
    batches_.close();
  }

  Status cut_batches() {
    CropBatcher batcher(line_.batch_size, line_.settings.normalisation);
    std::vector<BgrImage> some;
    std::uint32_t first_frame = line_.first_frame;
    while (auto picture = pictures_.pop()) {
      // What was decoded before the error is computed before it is reported.
      if (!*picture) {
        POSEFLEET_TRY_DO(add_pictures(first_frame, some, batcher));
        POSEFLEET_TRY_DO(send(batcher.finish()));
        return std::move(*picture).error();
      }
      some.push_back(**std::move(picture));
      if (some.size() < line_.pictures_at_once) continue;
      POSEFLEET_TRY_DO(add_pictures(first_frame, some, batcher));
      first_frame += static_cast<std::uint32_t>(some.size());
      some.clear();
    }
    POSEFLEET_TRY_DO(add_pictures(first_frame, some, batcher));
    return send(batcher.finish());
  }

  Status add_pictures(std::uint32_t first_frame, const std::vector<BgrImage>& pictures,
                      CropBatcher& batcher) {
    if (pictures.empty()) return done();
    std::vector<BgrView> views;
    for (const BgrImage& picture : pictures) views.push_back(view_of(picture));
    POSEFLEET_TRY(const auto people, line_.find_people(first_frame, views));
    for (std::size_t i = 0; i < pictures.size(); ++i) {
      if (progress_.is_cancelled()) return cancelled();
      const std::uint32_t frame = first_frame + static_cast<std::uint32_t>(i);
      POSEFLEET_TRY_DO(batcher.add_frame(
          frame, views[i], people[i], [this](CropBatch batch) { return send(std::move(batch)); }));
      // A frame without people is ready; the others are when the network has seen them.
      if (people[i].empty()) progress_.add_frame();
    }
    return done();
  }

  Status send(CropBatch batch) {
    if (batches_.push(std::move(batch))) return done();
    is_abandoned_ = true;
    return cancelled();
  }

  // ---- third stage, on the caller's thread ----

  Result<RangePoses> infer_all() {
    PoseCollector collector(line_.run_network, line_.settings.focal_length);
    while (auto batch = batches_.pop()) {
      if (progress_.is_cancelled()) return cancelled();
      if (!*batch) return std::move(*batch).error();
      std::uint32_t frames = 0;
      for (const FramePoses& frame : (*batch)->frames) frames += frame.people.empty() ? 0 : 1;
      POSEFLEET_TRY_DO(collector.add(**std::move(batch)));
      for (std::uint32_t i = 0; i < frames; ++i) progress_.add_frame();
    }
    return collector.finish();
  }

  const PoseLine& line_;
  RangeProgress& progress_;
  BoundedQueue<Result<BgrImage>> pictures_{kFramesAhead};
  BoundedQueue<Result<CropBatch>> batches_{kBatchesAhead};
  double decode_seconds_ = 0;  // written by the first stage, read after it ended
  bool is_abandoned_ = false;  // of the second stage: the caller has left
};

}  // namespace

Result<PoseLineResult> run_pose_line(const PoseLine& line, RangeProgress& progress) {
  return Line(line, progress).run();
}

}  // namespace posefleet

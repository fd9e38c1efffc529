#include "worker/stages/render_stage.h"

#include <cstring>
#include <optional>

#include "common/media/encoder.h"
#include "common/process/clock.h"
#include "common/protocol/output_codec.h"
#include "common/wire/codec.h"
#include "worker/figures/figure_painter.h"
#include "worker/stages/frame_source.h"

namespace posefleet {
namespace {

// The right half of a frame of twice the width (even, so that both halves have whole chroma
// columns).
YuvPlanes right_half(YuvPlanes planes, int width) {
  const int from = planes.width - width;
  planes.data[0] += static_cast<std::ptrdiff_t>(from) * planes.sample_bytes();
  for (int plane : {1, 2}) {
    planes.data[plane] +=
        static_cast<std::ptrdiff_t>(from >> planes.chroma_shift_x) * planes.sample_bytes();
  }
  planes.width = width;
  return planes;
}

void copy_planes(const YuvPlanes& from, YuvPlanes to) {
  for (int plane = 0; plane < 3; ++plane) {
    const int rows = plane == 0 ? from.height : from.chroma_height();
    const int samples = plane == 0 ? from.width : from.chroma_width();
    for (int row = 0; row < rows; ++row) {
      std::memcpy(
          to.data[plane] + row * to.stride[plane], from.data[plane] + row * from.stride[plane],
          static_cast<std::size_t>(samples) * static_cast<std::size_t>(from.sample_bytes()));
    }
  }
}

}  // namespace

class RenderStage::Impl final {
 public:
  Impl(std::string model_hash, std::shared_ptr<const BodyModel> body, SourceCache& sources)
      : model_hash_(std::move(model_hash)), body_(std::move(body)), sources_(sources) {}

  Result<RangeOutput> run(const Grant& grant, RangeProgress& progress) {
    POSEFLEET_TRY(const RenderTask task, decode_render_task(grant.task));
    if (task.model_hash != model_hash_) {
      return internal_error("the task belongs to another body than this worker has");
    }
    if (task.poses.size() != task.frames.frame_count) {
      return rejected("poses of " + std::to_string(task.poses.size()) + " frames for " +
                      std::to_string(task.frames.frame_count) + " frames");
    }
    POSEFLEET_TRY_DO(choose_painter(task.draw));
    RangeOutput output;
    const DecodeOptions decoding = {.depth = keeps_depth(task.encode) ? SampleDepth::AsInSource
                                                                      : SampleDepth::EightBits};
    POSEFLEET_TRY(RangeDecoder decoder, open_task_video(task.frames, sources_, progress, decoding));
    std::optional<SegmentEncoder> encoder;
    RangePoses before = task.before;
    for (const FramePoses& poses : task.poses) {
      if (progress.is_cancelled()) return retry("cancelled");
      Instant mark = now();
      const auto lap = [&](double& sum) {
        const Instant time = now();
        sum += seconds(time - mark);
        mark = time;
      };
      POSEFLEET_TRY(std::optional<VideoFrame> frame, decoder.next());
      POSEFLEET_CHECK(frame.has_value());  // the decoder gives all frames or an error
      lap(output.stats.decode_seconds);
      // What is behind the bodies is then put there by others.
      if (task.encode.is_overlay) frame = VideoFrame::transparent_like(*frame);
      POSEFLEET_TRY(VideoFrame canvas, canvas_of(std::move(*frame), task));
      if (!encoder) {
        POSEFLEET_TRY(SegmentEncoder created,
                      SegmentEncoder::create(task.encode, task.frames.window, canvas));
        encoder.emplace(std::move(created));
      }
      paint(poses, before, task, canvas, output.stats);
      lap(output.stats.work_seconds);
      POSEFLEET_TRY_DO(encoder->add(canvas));
      lap(output.stats.encode_seconds);
      if (trail_frames(task.draw) > 0) before.push_back(poses);
      if (before.size() > trail_frames(task.draw)) before.erase(before.begin());
      progress.add_frame();
    }
    POSEFLEET_TRY(const EncodedSegment segment, encoder->finish());
    output.bytes = encode(segment);
    return output;
  }

 private:
  // Jobs in the same style, one after the other, share a painter.
  Status choose_painter(const DrawSettings& draw) {
    if (painter_ && painted_ == draw) return done();
    POSEFLEET_TRY(FigurePainter painter, FigurePainter::create(body_, draw));
    painter_.emplace(std::move(painter));
    painted_ = draw;
    return done();
  }

  // What is drawn on and encoded: the frame, or one of twice its width with the frame in both
  // halves.
  static Result<VideoFrame> canvas_of(VideoFrame frame, const RenderTask& task) {
    if (task.draw.style != DrawStyle::SideBySide || task.encode.is_overlay) return frame;
    const int width = frame.width();
    const int half = width + width % 2;
    POSEFLEET_TRY(VideoFrame canvas, VideoFrame::blank_like(frame, half + width, frame.height()));
    const YuvPlanes from = frame.planes();
    const YuvPlanes to = canvas.planes();
    copy_planes(from, to);
    copy_planes(from, right_half(to, width));
    return canvas;
  }

  // A frame that cannot be drawn keeps its picture and is counted; so is one of whose people
  // somebody cannot be.
  void paint(const FramePoses& poses, const RangePoses& before, const RenderTask& task,
             VideoFrame& canvas, RangeStats& stats) {
    stats.frames_with_people += poses.people.empty() ? 0 : 1;
    stats.people += static_cast<std::uint32_t>(poses.people.size());
    const FrameTable& table = task.frames.window;
    const double seconds = static_cast<double>(canvas.pts() - task.film_pts) *
                           static_cast<double>(table.time_base.num) /
                           static_cast<double>(table.time_base.den);
    const FigureFrame frame = {&poses, &before, seconds, task.film_frames};
    const auto report = painter_->paint(frame, planes_of(canvas, task));
    if (!report || report->people_skipped > 0) ++stats.frames_kept_original;
  }

  static Canvas planes_of(VideoFrame& canvas, const RenderTask& task) {
    if (task.encode.is_overlay) return canvas.rgba();
    const YuvPlanes planes = canvas.planes();
    if (task.draw.style != DrawStyle::SideBySide) return planes;
    return right_half(planes, planes.width / 2);
  }

  std::string model_hash_;
  std::shared_ptr<const BodyModel> body_;
  std::optional<FigurePainter> painter_;
  DrawSettings painted_;  // what painter_ draws
  SourceCache& sources_;
};

RenderStage::RenderStage(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RenderStage::~RenderStage() = default;

Result<std::unique_ptr<RenderStage>> RenderStage::create(const ModelFolder& folder,
                                                         std::shared_ptr<const BodyModel> body,
                                                         SourceCache& sources) {
  return std::unique_ptr<RenderStage>(
      new RenderStage(std::make_unique<Impl>(folder.model_hash, std::move(body), sources)));
}

Result<RangeOutput> RenderStage::run(const Grant& grant, RangeProgress& progress) {
  return impl_->run(grant, progress);
}

}  // namespace posefleet

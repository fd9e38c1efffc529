#include "worker/stages/render_stage.h"

#include "common/media/encoder.h"
#include "common/process/clock.h"
#include "common/wire/codec.h"
#include "worker/render/rasteriser.h"
#include "worker/render/styles.h"
#include "worker/stages/frame_source.h"

namespace posefleet {
namespace {

Result<MeshTopology> topology_of(const BodyModel& body) {
  std::vector<std::uint32_t> faces;
  faces.reserve(body.faces().size() * 3);
  for (const auto& face : body.faces()) {
    for (const std::int32_t vertex : face) faces.push_back(static_cast<std::uint32_t>(vertex));
  }
  return MeshTopology::create(faces, static_cast<std::size_t>(body.vertex_count()));
}

// A person's vertices in the full frame's camera.
std::vector<float> placed_vertices(const PosedBody& body, const PersonPose& person) {
  std::vector<float> vertices;
  vertices.reserve(body.vertices.size() * 3);
  for (const Point3& vertex : body.vertices) {
    for (int axis = 0; axis < 3; ++axis) {
      vertices.push_back(vertex[static_cast<std::size_t>(axis)] +
                         person.camera_translation[static_cast<std::size_t>(axis)]);
    }
  }
  return vertices;
}

}  // namespace

class RenderStage::Impl final {
 public:
  Impl(std::string model_hash, std::shared_ptr<const BodyModel> body, MeshTopology topology,
       Rasteriser rasteriser, SourceCache& sources)
      : model_hash_(std::move(model_hash)),
        body_(std::move(body)),
        topology_(std::move(topology)),
        rasteriser_(std::move(rasteriser)),
        sources_(sources) {}

  Result<RangeOutput> run(const Grant& grant, RangeProgress& progress) {
    POSEFLEET_TRY(const RenderTask task, decode_render_task(grant.task));
    if (task.model_hash != model_hash_) {
      return internal_error("the task belongs to another body than this worker has");
    }
    if (task.poses.size() != task.frames.frame_count) {
      return rejected("poses of " + std::to_string(task.poses.size()) + " frames for " +
                      std::to_string(task.frames.frame_count) + " frames");
    }
    RangeOutput output;
    POSEFLEET_TRY(RangeDecoder decoder, open_task_video(task.frames, sources_, progress));
    std::optional<SegmentEncoder> encoder;
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
      if (!encoder) {
        POSEFLEET_TRY(SegmentEncoder created,
                      SegmentEncoder::create(task.encode, task.frames.window, *frame));
        encoder.emplace(std::move(created));
      }
      draw(poses, *frame, output.stats);
      lap(output.stats.work_seconds);
      POSEFLEET_TRY_DO(encoder->add(*frame));
      lap(output.stats.encode_seconds);
      progress.add_frame();
    }
    POSEFLEET_TRY(const EncodedSegment segment, encoder->finish());
    output.bytes = encode(segment);
    return output;
  }

 private:
  void draw(const FramePoses& poses, VideoFrame& frame, RangeStats& stats) {
    if (poses.people.empty()) return;
    ++stats.frames_with_people;
    stats.people += static_cast<std::uint32_t>(poses.people.size());
    std::vector<BodyPose> body_poses;
    for (const PersonPose& person : poses.people) body_poses.push_back(body_pose_of(person));
    const std::vector<PosedBody> bodies = body_->pose_many(body_poses);
    std::vector<std::vector<float>> vertices;
    std::vector<Mesh> meshes;
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      vertices.push_back(placed_vertices(bodies[i], poses.people[i]));
    }
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      const std::uint32_t track = poses.people[i].track;
      meshes.push_back({&topology_, vertices[i], person_colour(track > 0 ? track - 1 : i)});
    }
    // One camera for the frame: its focal length follows from the frame's size alone.
    const Camera camera{poses.people.front().focal_length};
    const auto report = rasteriser_.draw(meshes, camera, frame.planes());
    if (!report || report->meshes_skipped > 0) ++stats.frames_kept_original;
  }

  std::string model_hash_;
  std::shared_ptr<const BodyModel> body_;
  MeshTopology topology_;
  Rasteriser rasteriser_;
  SourceCache& sources_;
};

RenderStage::RenderStage(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RenderStage::~RenderStage() = default;

Result<std::unique_ptr<RenderStage>> RenderStage::create(const ModelFolder& folder,
                                                         std::shared_ptr<const BodyModel> body,
                                                         SourceCache& sources) {
  POSEFLEET_TRY(MeshTopology topology, topology_of(*body));
  POSEFLEET_TRY(Rasteriser rasteriser, Rasteriser::create({}));
  return std::unique_ptr<RenderStage>(new RenderStage(std::make_unique<Impl>(
      folder.model_hash, std::move(body), std::move(topology), std::move(rasteriser), sources)));
}

Result<RangeOutput> RenderStage::run(const Grant& grant, RangeProgress& progress) {
  return impl_->run(grant, progress);
}

}  // namespace posefleet

#include "cli/evaluation.h"

#include <algorithm>
#include <cmath>

#include "cli/silhouettes.h"

namespace posefleet::cli {
namespace {

template <typename Numbers>
bool are_finite(const Numbers& numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](float n) { return std::isfinite(n); });
}

bool is_finite(const PersonPose& person) {
  const PersonBox& box = person.box;
  return are_finite(std::array{box.x0, box.y0, box.x1, box.y1, box.score, person.focal_length}) &&
         are_finite(person.global_orient) && are_finite(person.betas) &&
         are_finite(person.camera_translation) &&
         std::all_of(person.body_pose.begin(), person.body_pose.end(), are_finite<Rotation>);
}

Status check_found(const Truth& truth, const RangePoses& found) {
  if (found.size() != truth.frames.size()) {
    return internal_error("poses of " + std::to_string(found.size()) +
                          " frames came back, expected " + std::to_string(truth.frames.size()));
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i].frame != i) {
      return internal_error("poses of frame " + std::to_string(found[i].frame) +
                            " came back in place of frame " + std::to_string(i));
    }
    for (const PersonPose& person : found[i].people) {
      if (is_finite(person) && person.focal_length > 0) continue;
      return rejected("frame " + std::to_string(i) +
                      ": the model found a body with a number that is not finite; its weights or "
                      "its precision are at fault (posefleet model show, --precision float32)");
    }
  }
  return done();
}

// Compares the pairs of frames. One thread.
class PairJudge final {
 public:
  static Result<PairJudge> create(const Truth& truth, const EvaluationBodies& bodies) {
    const FrameSize frame{truth.width, truth.height};
    POSEFLEET_TRY(SilhouetteDrawer drawer, SilhouetteDrawer::create(frame));
    POSEFLEET_TRY(MeshTopology true_topology, topology_of(*bodies.truth));
    POSEFLEET_TRY(MeshTopology found_topology, topology_of(*bodies.found));
    return PairJudge(bodies, frame, static_cast<float>(truth.focal_length), std::move(drawer),
                     std::move(true_topology), std::move(found_topology));
  }

  Result<PairErrors> judge(const TruePerson& truth, const PersonPose& found) {
    const PosedBody true_body = bodies_.truth->pose(truth.pose);
    const PosedBody found_body = bodies_.found->pose(body_pose_of(found));
    const FrameCamera true_camera{truth.translation, focal_length_, frame_};
    const FrameCamera found_camera{found.camera_translation, found.focal_length, frame_};
    PairErrors errors;
    errors.joint_mm = joint_error_mm(found_body.keypoints_3d, true_body.keypoints_3d);
    errors.joint_after_alignment_mm =
        joint_error_after_alignment_mm(found_body.keypoints_3d, true_body.keypoints_3d);
    if (bodies_.truth == bodies_.found) errors.vertex_mm = vertex_error_mm(found_body, true_body);
    errors.hits = keypoint_hits(found_body.keypoints_3d, found_camera, true_body.keypoints_3d,
                                true_camera, truth.box);
    errors.facing = facing_of(truth.pose.global_orient);
    errors.height = double{truth.box.y1} - truth.box.y0;
    POSEFLEET_TRY_DO(drawer_.draw(0, true_topology_, true_body.vertices, true_camera));
    POSEFLEET_TRY_DO(drawer_.draw(1, found_topology_, found_body.vertices, found_camera));
    errors.silhouette_iou = drawer_.overlap();
    return errors;
  }

 private:
  PairJudge(EvaluationBodies bodies, FrameSize frame, float focal_length, SilhouetteDrawer drawer,
            MeshTopology true_topology, MeshTopology found_topology)
      : bodies_(std::move(bodies)),
        frame_(frame),
        focal_length_(focal_length),
        drawer_(std::move(drawer)),
        true_topology_(std::move(true_topology)),
        found_topology_(std::move(found_topology)) {}

  EvaluationBodies bodies_;
  FrameSize frame_;
  float focal_length_;
  SilhouetteDrawer drawer_;
  MeshTopology true_topology_;
  MeshTopology found_topology_;
};

}  // namespace

Result<AccuracyReport> evaluate_poses(const Truth& truth, const RangePoses& found,
                                      const EvaluationBodies& bodies, const MatchOptions& options,
                                      const std::function<bool()>& go_on) {
  POSEFLEET_TRY_DO(check_found(truth, found));
  POSEFLEET_TRY(PairJudge judge, PairJudge::create(truth, bodies));
  Tally tally;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!go_on()) return retry("interrupted");
    const std::vector<TruePerson>& true_people = truth.frames[i].people;
    const std::vector<PersonPose>& found_people = found[i].people;
    std::vector<PersonBox> boxes;
    for (const PersonPose& person : found_people) boxes.push_back(person.box);
    const FrameMatch match = match_people(true_people, boxes, {truth.width, truth.height}, options);
    tally.add_frame(match);
    for (const MatchedPair& pair : match.pairs) {
      auto errors = judge.judge(true_people[pair.true_index], found_people[pair.found_index]);
      if (!errors) return in_context("frame " + std::to_string(i), errors.error());
      tally.add_pair(*errors);
    }
  }
  return tally.report();
}

Result<Truth> truth_of_found(const Truth& truth, const RangePoses& found,
                             const std::string& body_sha256, const std::string& made_by) {
  POSEFLEET_TRY_DO(check_found(truth, found));
  Truth written{.width = truth.width,
                .height = truth.height,
                .focal_length = truth.focal_length,
                .frames_per_second = truth.frames_per_second,
                .body_sha256 = body_sha256,
                .made_by = made_by,
                .frames = {}};
  for (const FramePoses& frame : found) {
    written.frames.push_back({frame.frame, {}});
    for (const PersonPose& person : frame.people) {
      // All people of a video are seen by one camera, so that the last says what the first does.
      written.focal_length = person.focal_length;
      TruePerson& entry = written.frames.back().people.emplace_back();
      entry.id = static_cast<std::int64_t>(written.frames.back().people.size()) - 1;
      entry.box = person.box;
      entry.pose = body_pose_of(person);
      entry.translation = person.camera_translation;
    }
  }
  return written;
}

}  // namespace posefleet::cli

#include "cli/pose_command.h"

#include <cstdio>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "cli/boxes_file.h"
#include "cli/detector_options.h"
#include "cli/exit_code.h"
#include "cli/pose_json.h"
#include "cli/session.h"
#include "common/files/files.h"
#include "common/job/job_spec.h"
#include "common/media/frame_table.h"
#include "common/model_folder/model_folder.h"
#include "common/wire/codec.h"

namespace posefleet::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::uint64_t kPosesBytesMax = 64ULL << 20;

int fail(const Error& error, int exit_code) {
  if (is_interruption(error)) return kInterrupted;
  std::fprintf(stderr, "posefleet: %s\n", error.message.c_str());
  return exit_code;
}

Result<std::string> spec_of(const PoseOptions& options, const ModelFolder& model) {
  POSEFLEET_TRY([[maybe_unused]] const SourceFile source, identify_source(options.image));
  JobSpec spec;
  spec.pipeline = Pipeline::Pose;
  spec.is_image = true;
  spec.source_path = fs::absolute(options.image).string();
  spec.model_hash = model.model_hash;
  POSEFLEET_TRY(spec.precision, parse_precision_option(options.precision));
  spec.batch_size = 1;
  if (options.has_boxes) {
    spec.box_source = BoxSource::Given;
    POSEFLEET_TRY(spec.boxes, parse_boxes(options.boxes));
    // A batch that holds everybody; eight crops are enough to fill a processor.
    std::size_t people = 1;
    for (const FrameBoxes& boxes : spec.boxes) people = std::max(people, boxes.boxes.size());
    spec.batch_size = static_cast<std::uint32_t>(std::min<std::size_t>(people, 8));
  }
  POSEFLEET_TRY_DO(choose_detection(options.detector, model, spec));
  // Nobody knows yet how many there are.
  if (spec.box_source == BoxSource::Detect) spec.batch_size = 4;
  if (!options.vertices.empty()) {
    const fs::path folder = fs::absolute(options.vertices).parent_path();
    std::error_code error;
    if (!fs::is_directory(folder, error)) {
      return rejected("there is no folder " + folder.string() + " to write the vertices into");
    }
    POSEFLEET_TRY_DO(make_writable_folder(folder));
  }
  return to_json(spec);
}

Status print_poses(const PoseOptions& options, const BodyModel& body, const JobStatus& status) {
  const Json result = Json::parse(status.result);
  POSEFLEET_TRY(const std::string bytes,
                read_whole_file(result.at("poses_path").get<std::string>(), kPosesBytesMax));
  POSEFLEET_TRY(const RangePoses poses, decode_range_poses(bytes));
  const FramePoses frame = poses.empty() ? FramePoses{} : poses.front();
  std::vector<BodyPose> body_poses;
  for (const PersonPose& person : frame.people) body_poses.push_back(body_pose_of(person));
  const std::vector<PosedBody> bodies = body.pose_many(body_poses);
  if (!options.vertices.empty()) {
    POSEFLEET_TRY_DO(write_file_durably(options.vertices, vertices_npy(frame, bodies)));
  }
  std::printf(
      "%s\n",
      to_json(frame, bodies, result.at("resolution").at(0), result.at("resolution").at(1)).c_str());
  return done();
}

}  // namespace

int pose_image(const PoseOptions& options) {
  StopSignal stop;
  auto model_path = find_model(options.model);
  if (!model_path) return fail(model_path.error(), kUsage);
  auto model = open_model_folder(*model_path, HashCheck::SizesOnly);
  if (!model) return fail(model.error(), kUsage);
  auto body = BodyModel::load(model->body_path());
  if (!body) return fail(body.error(), kUsage);
  auto precision = parse_precision_option(options.precision);
  if (!precision) return fail(precision.error(), kUsage);
  auto spec = spec_of(options, *model);
  if (!spec) return fail(spec.error(), kUsage);
  ClusterOptions cluster = fill_in_counts({.model = *model_path,
                                           .device = options.device,
                                           .precision = *precision,
                                           .work_dir = options.work_dir});
  cluster.render_workers = 0;
  auto session = LocalSession::start(cluster, stop);
  if (!session) return fail(session.error(), kJobFailed);
  auto job = (*session)->submit(*spec);
  if (!job) return fail(job.error(), kJobFailed);
  auto status = (*session)->follow(*job, [](const JobStatus&) {});
  if (!status) return fail(status.error(), kJobFailed);
  if (status->state != JobState::Succeeded) {
    return fail(internal_error(status->error), kJobFailed);
  }
  for (const std::string& warning : status->warnings) {
    std::fprintf(stderr, "warning: %s\n", warning.c_str());
  }
  const Status printed = print_poses(options, **body, *status);
  return printed ? kDone : fail(printed.error(), kJobFailed);
}

}  // namespace posefleet::cli

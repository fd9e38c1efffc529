#include "cli/evaluate_command.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "cli/boxes_file.h"
#include "cli/detector_options.h"
#include "cli/evaluation.h"
#include "cli/evaluation_report.h"
#include "cli/exit_code.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "common/files/files.h"
#include "common/files/sha256.h"
#include "common/job/job_spec.h"
#include "common/media/frame_table.h"
#include "common/model_folder/model_folder.h"
#include "common/wire/codec.h"

namespace posefleet::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// A kilobyte a person and frame: ten people in an hour at 30 frames/s.
constexpr std::uint64_t kPosesBytesMax = 1ULL << 30;

// What a true box of `--boxes truth` is called in place of a file.
constexpr const char* kTrueBoxes = "truth";

// Everything that is known before a process is started.
struct Plan {
  Truth truth;
  ModelFolder model;
  std::string body_sha256;  // of the model's body
  EvaluationBodies bodies;
  MatchOptions match;
  JobSpec spec;
};

// Computed, not believed: a changed body would look like another one.
Result<std::string> body_sha256_of(const ModelFolder& model) {
  const fs::path path = model.body_path();
  POSEFLEET_TRY(std::string sha256, sha256_hex_of_file(path));
  const auto listed = model.manifest.files.find(path.filename().string());
  if (listed == model.manifest.files.end() || listed->second != sha256) {
    return rejected(
        fmt::format("{}: its sha256 is {}, which is not what the manifest beside it "
                    "says; the file was changed or damaged, import the model again",
                    path.string(), sha256));
  }
  return sha256;
}

Result<EvaluationBodies> load_bodies(const EvaluateOptions& options, const Truth& truth,
                                     const ModelFolder& model, const std::string& body_sha256) {
  EvaluationBodies bodies;
  POSEFLEET_TRY(bodies.found, BodyModel::load(model.body_path()));
  bodies.truth = bodies.found;
  if (!options.truth_body.empty()) {
    POSEFLEET_TRY(const std::string sha256, sha256_hex_of_file(options.truth_body));
    if (sha256 != truth.body_sha256) {
      return rejected(fmt::format("{}: its sha256 is {}, but {} was made with the body {}",
                                  options.truth_body, sha256, options.truth, truth.body_sha256));
    }
    if (sha256 != body_sha256) {
      POSEFLEET_TRY(bodies.truth, BodyModel::load(options.truth_body));
    }
  } else if (truth.body_sha256 != body_sha256) {
    return rejected(fmt::format(
        "{} was made with the body {}, but the model {} has the body {}: neither shapes nor "
        "vertices of two bodies can be compared. Name the body of the truth with --truth-body "
        "FILE.safetensors; joints, silhouettes and keypoints are compared then, vertices are not",
        options.truth, truth.body_sha256, model.path.string(), body_sha256));
  }
  return bodies;
}

Status check_video(const EvaluateOptions& options, const Truth& truth) {
  POSEFLEET_TRY(const ProbeResult probe, probe_frame_table(options.video));
  const FrameTable& table = probe.table;
  if (table.width != truth.width || table.height != truth.height) {
    return rejected(fmt::format("{} is {}x{} pixels, but {} is about a video of {}x{}",
                                options.video, table.width, table.height, options.truth,
                                truth.width, truth.height));
  }
  if (table.frame_count() != truth.frames.size()) {
    return rejected(fmt::format("{} has {} frames, but {} has {}", options.video,
                                table.frame_count(), options.truth, truth.frames.size()));
  }
  return done();
}

// Of those who are asked for; the others could only be found where nobody counts them.
std::vector<FrameBoxes> true_boxes(const Truth& truth, const MatchOptions& options) {
  std::vector<FrameBoxes> boxes;
  for (const TruthFrame& frame : truth.frames) {
    FrameBoxes of_frame{frame.frame, {}};
    for (const TruePerson& person : frame.people) {
      if (is_counted(person, options)) of_frame.boxes.push_back(person.box);
    }
    if (!of_frame.boxes.empty()) boxes.push_back(std::move(of_frame));
  }
  return boxes;
}

Result<JobSpec> spec_of(const EvaluateOptions& options, const Truth& truth,
                        const ModelFolder& model, const MatchOptions& match) {
  JobSpec spec;
  spec.pipeline = Pipeline::Pose;
  spec.source_path = fs::absolute(options.video).string();
  spec.model_hash = model.model_hash;
  POSEFLEET_TRY(spec.precision, parse_precision_option(options.precision));
  spec.batch_size = options.batch_size;
  spec.range_frames = options.range_frames;
  if (options.steady != "auto") spec.steady = options.steady == "on";
  if (options.boxes == kTrueBoxes) {
    spec.box_source = BoxSource::Given;
    spec.boxes = true_boxes(truth, match);
  } else if (!options.boxes.empty()) {
    spec.box_source = BoxSource::Given;
    POSEFLEET_TRY(spec.boxes, read_boxes_file(options.boxes));
  }
  POSEFLEET_TRY_DO(choose_detection(options.detector, model, spec));
  return spec;
}

Status check_write_found(const EvaluateOptions& options) {
  if (options.write_found.empty()) return done();
  std::error_code error;
  for (const std::string& input : {options.truth, options.video}) {
    if (fs::equivalent(options.write_found, input, error)) {
      return rejected("--write-found " + options.write_found + " is an input itself");
    }
  }
  const fs::path folder = fs::absolute(options.write_found).parent_path();
  if (!fs::is_directory(folder, error)) {
    return rejected("there is no folder " + folder.string() + " to write what was found into");
  }
  return make_writable_folder(folder);
}

Result<Plan> plan_evaluation(const EvaluateOptions& options) {
  Plan plan;
  if (!std::isfinite(options.height_min)) {
    return rejected(
        fmt::format("--min-height is {}, allowed: 0 or more pixels", options.height_min));
  }
  plan.match.height_min = options.height_min;
  // Says whether it is there and a file.
  POSEFLEET_TRY_DO(identify_source(options.video));
  POSEFLEET_TRY(plan.truth, read_truth(options.truth));
  POSEFLEET_TRY(const fs::path model_path, find_model(options.model));
  POSEFLEET_TRY(plan.model, open_model_folder(model_path, HashCheck::SizesOnly));
  POSEFLEET_TRY(plan.body_sha256, body_sha256_of(plan.model));
  POSEFLEET_TRY(plan.bodies, load_bodies(options, plan.truth, plan.model, plan.body_sha256));
  POSEFLEET_TRY_DO(check_video(options, plan.truth));
  POSEFLEET_TRY(plan.spec, spec_of(options, plan.truth, plan.model, plan.match));
  POSEFLEET_TRY_DO(check_write_found(options));
  return plan;
}

struct Found {
  RangePoses poses;
  std::string sha256;
  std::vector<std::string> warnings;
};

// The cluster lives as long as this function.
Result<Found> find_poses(const EvaluateOptions& options, const Plan& plan, ProgressView& view,
                         StopSignal& stop) {
  ClusterOptions cluster = fill_in_counts({.model = plan.model.path,
                                           .pose_workers = options.pose_workers,
                                           .models_per_worker = options.models_per_worker,
                                           .device = options.device,
                                           .precision = plan.spec.precision,
                                           .work_dir = options.work_dir});
  cluster.render_workers = 0;
  POSEFLEET_TRY(const std::unique_ptr<LocalSession> session, LocalSession::start(cluster, stop));
  POSEFLEET_TRY(const JobId job, session->submit(to_json(plan.spec)));
  const std::string title = fs::path(options.video).filename().string();
  auto status = session->follow(job, [&](const JobStatus& now) { view.show(title, now); });
  view.clear();
  if (!status) return std::move(status).error();
  if (status->state != JobState::Succeeded) {
    return internal_error(options.video + ": " + status->error);
  }
  const Json result = Json::parse(status->result);
  POSEFLEET_TRY(const std::string bytes,
                read_whole_file(result.at("poses_path").get<std::string>(), kPosesBytesMax));
  Found found;
  POSEFLEET_TRY(found.poses, decode_range_poses(bytes));
  found.sha256 = result.at("poses_sha256").get<std::string>();
  found.warnings = status->warnings;
  return found;
}

std::string boxes_name(const EvaluateOptions& options, const JobSpec& spec) {
  if (options.boxes == kTrueBoxes) return kTrueBoxes;
  if (!options.boxes.empty()) return "file";
  return spec.box_source == BoxSource::Detect ? "detector" : "whole frame";
}

EvaluationSubject subject_of(const EvaluateOptions& options, const Plan& plan, const Found& found) {
  return {.video = fs::absolute(options.video).string(),
          .truth = fs::absolute(options.truth).string(),
          .made_by = plan.truth.made_by,
          .model = plan.model.manifest.name,
          .model_hash = plan.model.model_hash,
          .network_precision = std::string(name_of(plan.spec.precision)),
          .boxes = boxes_name(options, plan.spec),
          .poses_sha256 = found.sha256,
          .options = plan.match,
          .warnings = found.warnings};
}

Status compare(const EvaluateOptions& options, const Plan& plan, const Found& found,
               EvaluationSubject subject, StopSignal& stop) {
  POSEFLEET_TRY(const AccuracyReport report,
                evaluate_poses(plan.truth, found.poses, plan.bodies, plan.match,
                               [&] { return stop.take() == 0; }));
  if (!options.write_found.empty()) {
    POSEFLEET_TRY(const Truth written,
                  truth_of_found(plan.truth, found.poses, plan.body_sha256,
                                 "posefleet evaluate: found by the model " + subject.model +
                                     ", hash " + subject.model_hash));
    POSEFLEET_TRY_DO(write_truth(options.write_found, written));
  }
  const std::string text =
      options.json ? report_json(subject, report) + "\n" : report_table(subject, report);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  return done();
}

int fail(const Error& error, int exit_code) {
  if (is_interruption(error)) {
    std::fprintf(stderr, "posefleet: interrupted; everything was stopped and removed\n");
    return kInterrupted;
  }
  std::fprintf(stderr, "posefleet: %s\n", error.message.c_str());
  return exit_code;
}

}  // namespace

int evaluate_video(const EvaluateOptions& options) {
  StopSignal stop;
  auto style = parse_progress_style(options.progress, isatty(STDERR_FILENO) != 0);
  if (!style) return fail(style.error(), kUsage);
  auto plan = plan_evaluation(options);
  if (!plan) return fail(plan.error(), kUsage);
  const std::string& note = plan->model.manifest.note;
  if (!note.empty() && !options.json) {
    std::fprintf(stderr, "model %s: %s\n", plan->model.manifest.name.c_str(), note.c_str());
  }
  const auto started = std::chrono::steady_clock::now();
  ProgressView view(*style);
  auto found = find_poses(options, *plan, view, stop);
  if (!found) return fail(found.error(), kJobFailed);
  for (const std::string& warning : found->warnings) {
    std::fprintf(stderr, "warning: %s\n", warning.c_str());
  }
  EvaluationSubject subject = subject_of(options, *plan, *found);
  subject.processing_time_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  const Status compared = compare(options, *plan, *found, std::move(subject), stop);
  return compared ? kDone : fail(compared.error(), kJobFailed);
}

}  // namespace posefleet::cli

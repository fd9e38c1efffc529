#include "cli/run_command.h"

#include <chrono>
#include <cstdio>
#include <filesystem>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "cli/boxes_file.h"
#include "cli/detector_options.h"
#include "cli/exit_code.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "common/job/job_spec.h"
#include "common/media/encoder_presence.h"
#include "common/media/frame_table.h"
#include "common/media/image_sequence.h"
#include "common/model_folder/model_folder.h"
#include "common/protocol/output_codec.h"

namespace posefleet::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

template <typename T>
Result<T> in_option(const char* option, Result<T> value) {
  if (!value) return in_context(option, value.error());
  return value;
}

// One video of the command, checked.
struct Item {
  fs::path input;
  fs::path output;
  std::string spec;
};

fs::path output_of(const RunOptions& options, const fs::path& input, const JobSpec& spec) {
  if (!options.output.empty()) return fs::absolute(options.output);
  // A pattern is no name to be remembered by; its folder has one.
  const bool is_pattern = input.filename().string().find('%') != std::string::npos;
  const fs::path named =
      is_pattern && is_image_sequence(input) ? fs::absolute(input).parent_path() : input;
  const std::string stem =
      named.has_filename() ? named.stem().string() : named.parent_path().stem().string();
  return fs::absolute(fs::path(options.output_dir) / default_output_name(stem, spec));
}

Result<FrameSelection> frames_of(const RunOptions& options) {
  FrameSelection frames;
  if (!options.fps.empty()) {
    POSEFLEET_TRY(frames.fps, in_option("--fps", parse_rate(options.fps)));
  }
  if (!options.start.empty()) {
    POSEFLEET_TRY(frames.start, in_option("--start", parse_time(options.start)));
  }
  if (!options.end.empty()) {
    POSEFLEET_TRY(frames.end, in_option("--end", parse_time(options.end)));
  }
  if (options.max_frames > 0) frames.max_frames = options.max_frames;
  POSEFLEET_TRY_DO(check_selection(frames));
  return frames;
}

// Says whether it is there, and a file or a set of pictures.
Status check_source(const fs::path& source, const FrameSelection& frames) {
  if (!is_image_sequence(source)) {
    POSEFLEET_TRY([[maybe_unused]] const SourceFile file, identify_source(source));
    return done();
  }
  POSEFLEET_TRY([[maybe_unused]] const auto files, list_image_sequence(source));
  if (frames.fps) return done();
  return rejected(source.string() +
                  " is a set of pictures: say with --fps how many of them make a second");
}

// Everything that can be told to be wrong before a process is started.
Result<std::vector<Item>> check_items(const RunOptions& options, const ModelFolder& model) {
  if (!options.output.empty() && (options.videos.size() > 1 || !options.output_dir.empty())) {
    return rejected("-o names the output of one video; use -d DIR for several");
  }
  if (!options.output_dir.empty()) POSEFLEET_TRY_DO(make_writable_folder(options.output_dir));
  JobSpec spec;
  spec.model_hash = model.model_hash;
  POSEFLEET_TRY(spec.precision, parse_precision_option(options.precision));
  spec.batch_size = options.batch_size;
  spec.range_frames = options.range_frames;
  if (options.steady != "auto") spec.steady = options.steady == "on";
  POSEFLEET_TRY(spec.draw, draw_settings_of(options.drawing));
  POSEFLEET_TRY_DO(choose_output(options.output_options, options.output, spec));
  spec.on_quarantine = options.on_quarantine == "fail" ? OnQuarantine::Fail : OnQuarantine::Keep;
  // The workers are this machine's.
  if (spec.encode.encoder != EncodeSettings{}.encoder) {
    POSEFLEET_TRY_DO(check_encoder_is_here(spec.encode));
  }
  spec.live = options.live;
  if (options.live && !can_grow(spec.encode)) {
    return rejected("--live is for videos in h264, hevc or av1, not for " +
                    (spec.encode.is_overlay ? std::string("overlays") : spec.encode.codec));
  }
  POSEFLEET_TRY(spec.frames, frames_of(options));
  if (!options.boxes.empty()) {
    spec.box_source = BoxSource::Given;
    POSEFLEET_TRY(spec.boxes, read_boxes_file(options.boxes));
  }
  POSEFLEET_TRY_DO(choose_detection(options.detector, model, spec));
  std::vector<Item> items;
  for (const std::string& video : options.videos) {
    POSEFLEET_TRY_DO(check_source(video, spec.frames));
    const fs::path output = output_of(options, video, spec);
    POSEFLEET_TRY_DO(check_output(video, output, spec));
    for (const Item& other : items) {
      if (other.output == output) {
        return rejected(other.input.string() + " and " + video + " would both become " +
                        output.string());
      }
    }
    spec.source_path = fs::absolute(video).string();
    items.push_back({video, output, to_json(spec)});
  }
  return items;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void print_summary(const Json& result, const fs::path& output) {
  const double seconds = result.at("processing_time_seconds");
  const auto frames = result.at("processed_frames").get<std::uint64_t>();
  std::fprintf(
      stderr, "%s: %llu frames, %llu of them with people, in %.1f s (%.1f frames/s)\n",
      output.c_str(), static_cast<unsigned long long>(frames),
      static_cast<unsigned long long>(result.at("frames_with_people").get<std::uint64_t>()),
      seconds, static_cast<double>(frames) / seconds);
  for (const char* stage : {"pose_detection_stats", "mesh_rendering_stats"}) {
    const Json& stats = result.at(stage);
    std::fprintf(stderr, "  %-21s %6.1f ms per frame (decode %.1f s, work %.1f s, encode %.1f s)\n",
                 stage, stats.at("milliseconds_per_frame").get<double>(),
                 stats.at("decode_seconds").get<double>(), stats.at("work_seconds").get<double>(),
                 stats.at("encode_seconds").get<double>());
  }
}

// A finished job's output to its place, its figures to the user.
Status deliver(const RunOptions& options, const Item& item, const JobStatus& status,
               double job_seconds) {
  for (const std::string& warning : status.warnings) {
    std::fprintf(stderr, "warning: %s\n", warning.c_str());
  }
  Json result = Json::parse(status.result);
  POSEFLEET_TRY_DO(move_output(result.at("output_path").get<std::string>(), item.output));
  result["output_path"] = item.output.string();
  result["input_path"] = fs::absolute(item.input).string();
  result["processing_time_seconds"] = job_seconds;
  result["warnings"] = status.warnings;
  if (options.json) {
    std::printf("%s\n", result.dump().c_str());
    std::fflush(stdout);
  } else {
    print_summary(result, item.output);
    std::printf("%s\n", item.output.c_str());
  }
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

// All jobs are submitted at once, so that workers never wait between two videos.
int follow_items(const RunOptions& options, const std::vector<Item>& items, LocalSession& session,
                 ProgressView& view) {
  std::vector<JobId> jobs;
  for (const Item& item : items) {
    auto job = session.submit(item.spec);
    if (!job) return fail(job.error(), kJobFailed);
    jobs.push_back(*job);
    if (options.live) {
      std::fprintf(stderr, "%s can be watched while it grows: %s\n", item.input.c_str(),
                   (session.folder_of(*job) / "live.mp4").c_str());
    }
  }
  int exit_code = kDone;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto started = std::chrono::steady_clock::now();
    const std::string title = items[i].input.filename().string();
    auto status = session.follow(jobs[i], [&](const JobStatus& now) { view.show(title, now); });
    view.clear();
    if (!status) return fail(status.error(), kJobFailed);
    Status delivered = status->state == JobState::Succeeded
                           ? deliver(options, items[i], *status, seconds_since(started))
                           : Status(internal_error(items[i].input.string() + ": " + status->error));
    // One bad video does not keep the others from being delivered.
    if (!delivered) exit_code = fail(delivered.error(), kJobFailed);
  }
  return exit_code;
}

}  // namespace

int run_videos(const RunOptions& options) {
  StopSignal stop;
  auto style = parse_progress_style(options.progress, isatty(STDERR_FILENO) != 0);
  if (!style) return fail(style.error(), kUsage);
  auto model_path = find_model(options.model);
  if (!model_path) return fail(model_path.error(), kUsage);
  auto model = open_model_folder(*model_path, HashCheck::SizesOnly);
  if (!model) return fail(model.error(), kUsage);
  auto precision = parse_precision_option(options.precision);
  if (!precision) return fail(precision.error(), kUsage);
  auto items = check_items(options, *model);
  if (!items) return fail(items.error(), kUsage);
  if (!model->manifest.note.empty() && !options.json) {
    std::fprintf(stderr, "model %s: %s\n", model->manifest.name.c_str(),
                 model->manifest.note.c_str());
  }
  auto session = LocalSession::start(fill_in_counts({.model = *model_path,
                                                     .pose_workers = options.pose_workers,
                                                     .models_per_worker = options.models_per_worker,
                                                     .device = options.device,
                                                     .precision = *precision,
                                                     .render_workers = options.render_workers,
                                                     .work_dir = options.work_dir}),
                                     stop);
  if (!session) return fail(session.error(), kJobFailed);
  ProgressView view(*style);
  const int exit_code = follow_items(options, *items, **session, view);
  view.clear();
  return exit_code;
}

}  // namespace posefleet::cli

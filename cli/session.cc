#include "cli/session.h"

#include <algorithm>
#include <cstdlib>
#include <thread>

namespace posefleet::cli {
namespace {

constexpr std::chrono::milliseconds kPollEvery{100};

// A disk that was full for a moment is waited for; one that stays full ends the command, since
// nobody looks after a cluster that lives as long as a command.
constexpr std::chrono::seconds kTroubleMax{15};

// A coordinator that was killed is back, with its store opened, in a second or two; but each of its
// commits waits for the disk, and a disk that others keep busy has answered after 10 s and more. It
// is alive all the while, or tend() would say so.
constexpr std::chrono::seconds kSilenceMax{60};

}  // namespace

Result<std::filesystem::path> find_model(const std::string& named) {
  if (!named.empty()) return std::filesystem::path(named);
  if (const char* chosen = std::getenv("POSEFLEET_MODEL"); chosen != nullptr && *chosen != '\0') {
    return std::filesystem::path(chosen);
  }
  const std::filesystem::path programs = own_program_folder();
  for (const char* place : {"../models/demo", "../../models/demo", "../share/posefleet/demo"}) {
    const std::filesystem::path folder = (programs / place).lexically_normal();
    std::error_code ignored;
    if (std::filesystem::exists(folder / "manifest.yaml", ignored)) return folder;
  }
  return rejected(
      "no model is named and no demo model is installed: give --model DIR or set POSEFLEET_MODEL. "
      "posefleet model import makes such a folder from 4D-Humans' and SMPL's files; "
      "posefleet-random-model makes one with random weights for trying the program out");
}

Result<Precision> parse_precision_option(const std::string& name) {
  if (name == "auto") return Precision::Float32;
  if (const std::optional<Precision> precision = parse_precision(name)) return *precision;
  return rejected("--precision is '" + name + "', expected auto, float32, bfloat16 or float16");
}

ClusterOptions fill_in_counts(ClusterOptions options) {
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  if (options.pose_workers == 0) options.pose_workers = 1;
  if (options.render_workers == 0) options.render_workers = std::clamp(cores / 2, 1, 8);
  options.threads_per_model =
      std::max(1, cores / (options.pose_workers * options.models_per_worker));
  return options;
}

Result<std::unique_ptr<LocalSession>> LocalSession::start(const ClusterOptions& options,
                                                          StopSignal& stop) {
  POSEFLEET_TRY(std::unique_ptr<LocalCluster> cluster, LocalCluster::start(options));
  POSEFLEET_TRY(std::unique_ptr<JobClient> client, JobClient::connect(cluster->client_endpoint()));
  return std::unique_ptr<LocalSession>(
      new LocalSession(std::move(cluster), std::move(client), stop));
}

Result<JobId> LocalSession::submit(const std::string& spec) {
  // The store is ours alone and new: a number is key enough.
  const std::string key = "run-" + std::to_string(++submitted_);
  const auto deadline = std::chrono::steady_clock::now() + kSilenceMax;
  while (true) {
    // A coordinator that cannot start says why in its log, and one that was killed starts again.
    POSEFLEET_TRY_DO(cluster_->tend());
    auto job = client_->submit(key, spec, stop_.fd());
    const bool is_silent = !job && job.error().code == ErrorCode::Disconnected;
    if (!is_silent || std::chrono::steady_clock::now() > deadline) return job;
  }
}

Result<JobStatus> LocalSession::follow(JobId job,
                                       const std::function<void(const JobStatus&)>& on_status) {
  auto well_at = std::chrono::steady_clock::now();
  auto answered_at = well_at;
  while (true) {
    POSEFLEET_TRY_DO(cluster_->tend());
    auto status = client_->status(job, stop_.fd());
    if (!status && is_interruption(status.error())) {
      client_->cancel(job);
      return std::move(status).error();
    }
    const auto time = std::chrono::steady_clock::now();
    const bool may_answer_later =
        !status &&
        (status.error().code == ErrorCode::Retry ||
         (status.error().code == ErrorCode::Disconnected && time - answered_at < kSilenceMax));
    if (!status && !may_answer_later) return std::move(status).error();
    if (status) {
      answered_at = time;
      on_status(*status);
      if (status->trouble.empty()) well_at = time;
      if (time - well_at > kTroubleMax) {
        client_->cancel(job);
        return internal_error("results cannot be stored: " + status->trouble +
                              "; make room, or name another folder with --work-dir");
      }
      if (is_final(status->state)) return status;
    }
    std::vector<PollItem> items = {{.fd = stop_.fd()}};
    poll_readable(items, kPollEvery);
  }
}

}  // namespace posefleet::cli

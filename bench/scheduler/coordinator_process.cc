#include "bench/scheduler/coordinator_process.h"

#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>

#include "common/files/files.h"
#include "common/media/frame_table.h"
#include "coordinator/pipeline/plan.h"
#include "coordinator/store/store.h"

namespace posefleet::bench {
namespace {

using namespace std::chrono_literals;

// Nobody decodes the source; it only has to be there and stay the same.
Result<JobPlan> plan_of(const std::filesystem::path& source, const JobSize& size) {
  JobPlan plan;
  plan.spec.pipeline = size.is_drawn ? Pipeline::Mesh : Pipeline::Pose;
  plan.spec.source_path = source.string();
  plan.spec.model_hash = kModelHash;
  plan.spec.range_frames = kPoseFrames;
  std::ofstream(source) << "not decoded";
  POSEFLEET_TRY(plan.source, identify_source(plan.spec.source_path));
  plan.source_sha256 = "none";
  FrameTable& table = plan.table;
  table.time_base = {1, 30};
  table.average_rate = {30, 1};
  table.width = 640;
  table.height = 480;
  table.codec = "h264";
  const std::uint32_t frames = size.pose_ranges * kPoseFrames;
  table.pts.reserve(frames);
  for (std::uint32_t i = 0; i < frames; ++i) table.pts.push_back(i);
  return plan;
}

Status write_job(const std::filesystem::path& data_dir, const JobSize& size) {
  POSEFLEET_TRY(const std::unique_ptr<Store> store, Store::open(data_dir));
  POSEFLEET_TRY(const JobPlan plan, plan_of(data_dir / "video.mp4", size));
  POSEFLEET_TRY(const Store::AddedJob added,
                store->add_job("bench", to_json(plan.spec), network_id(plan.spec), 10));
  const std::filesystem::path folder = data_dir / "jobs" / std::to_string(number(added.id));
  POSEFLEET_TRY_DO(make_writable_folder(folder));
  POSEFLEET_TRY_DO(save_plan(plan, folder));
  POSEFLEET_TRY([[maybe_unused]] const auto ranges, store->add_ranges(added.id, plan_ranges(plan)));
  core::JobRecord job;
  job.id = added.id;
  job.state = JobState::Running;
  job.model_hash = network_id(plan.spec);
  return store->update_job(job);
}

std::string text_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

Result<std::unique_ptr<CoordinatorProcess>> CoordinatorProcess::start(const Options& options,
                                                                      const JobSize& size) {
  const std::filesystem::path data_dir = options.folder / "data";
  POSEFLEET_TRY_DO(write_job(data_dir, size));
  const std::filesystem::path config = options.folder / "coordinator.yaml";
  const std::string socket = "ipc://" + (options.folder / "workers").string();
  std::ofstream(config) << "data_dir: " << data_dir.string() << "\n"
                        << "workers:\n  listen: " << (options.is_tcp ? "tcp://127.0.0.1:*" : socket)
                        << "\n"
                        << "clients:\n  listen: ipc://" << (options.folder / "clients").string()
                        << "\nlimits:\n  sessions: " << options.sessions_max << "\n"
                        << "  results: 8192\n";
  const std::filesystem::path log = options.folder / "coordinator.log";
  POSEFLEET_TRY(Child child, Child::start(options.program, {"--config", config.string()}, log));
  std::unique_ptr<CoordinatorProcess> process(new CoordinatorProcess(std::move(child), log));
  POSEFLEET_TRY_DO(process->wait_until_it_listens());
  return process;
}

Status CoordinatorProcess::wait_until_it_listens() {
  const std::string before = "listening for workers on ";
  for (int i = 0; i < 600 && !child_.poll(); ++i) {
    const std::string text = log();
    const std::size_t at = text.find(before);
    const std::size_t end = at == std::string::npos ? at : text.find(',', at);
    if (end != std::string::npos) {
      worker_endpoint_ = text.substr(at + before.size(), end - at - before.size());
      return done();
    }
    std::this_thread::sleep_for(50ms);
  }
  return internal_error("the coordinator does not listen:\n" + log());
}

std::string CoordinatorProcess::log() const {
  return text_of(log_);
}

Result<ProcessUse> CoordinatorProcess::use() const {
  const std::string process = "/proc/" + std::to_string(child_.pid());
  const std::string stat = text_of(process + "/stat");
  unsigned long long user = 0;
  unsigned long long system = 0;
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos ||
      std::sscanf(stat.c_str() + name_end + 1,
                  " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2) {
    return internal_error("the coordinator is gone:\n" + log());
  }
  ProcessUse use;
  use.cpu_seconds = static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  const std::string io = text_of(process + "/io");
  const std::size_t at = io.find("\nwrite_bytes: ");
  if (at != std::string::npos) use.bytes_to_disk = std::strtoull(io.c_str() + at + 14, nullptr, 10);
  return use;
}

}  // namespace posefleet::bench

#include "tests/integration/nemesis/cluster.h"

#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/check.h"
#include "tests/support/fixtures.h"

namespace posefleet::nemesis {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// An output has 5 MB and stays: that is some 40 jobs.
constexpr int kDiskMegabytes = 256;
constexpr int kPoseWorkers = 3;
constexpr int kRenderWorkers = 2;
constexpr Instant kPauseAfterOwnEnd = 300ms;

// Leases that end soon, so that freezes can be longer; heartbeats as everywhere. All failures here
// are ours and none is a frame's: no number of them may cut a range or take a frame out, but where
// a frame kills. The disk is small, and nearly all of it is to be used before work pauses.
std::string rules_for(const World& world) {
  return std::string("rules:\n  lease: 5\n  fails_max: ") + (world.kills.empty() ? "100" : "3") +
         "\n";
}
constexpr const char* kDiskAndLog =
    "disk:\n  free_min_mib: 2\n"
    "log:\n  level: debug\n";

}  // namespace

std::int64_t wall_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Cluster::Cluster(const World& world, const std::string& name)
    : world_(world), folder_(world.folder / name) {
  fs::create_directories(folder_ / "allowed");
  fs::create_directories(data());
  has_disk_ = world_.hosts.mount_disk(data(), kDiskMegabytes);
  if (!world_.shim.empty()) open_steps();
  // The members stay where they are: faults and processes refer to them.
  members_.reserve(1 + kPoseWorkers + kRenderWorkers);
  add_coordinator();
  for (int i = 0; i < kPoseWorkers; ++i) add_worker(Stage::Pose, i + 1, i % 2);
  for (int i = 0; i < kRenderWorkers; ++i) add_worker(Stage::Render, i + 1, i % 2);
  auto client = cli::JobClient::connect("ipc://" + (folder_ / "clients").string());
  POSEFLEET_CHECK(client.has_value());
  client_ = std::move(*client);
}

Cluster::~Cluster() {
  if (steps_ != nullptr) munmap(steps_, sizeof(StepControl));
  members_.clear();
  if (has_disk_) world_.hosts.unmount_disk(data());
}

void Cluster::open_steps() {
  const fs::path file = folder_ / "steps";
  tests::write_file(file, std::string(sizeof(StepControl), '\0'));
  const int fd = open(file.c_str(), O_RDWR | O_CLOEXEC);
  POSEFLEET_CHECK(fd >= 0);
  void* memory = mmap(nullptr, sizeof(StepControl), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  POSEFLEET_CHECK(memory != MAP_FAILED);
  steps_ = static_cast<StepControl*>(memory);
}

fs::path Cluster::make_key(const std::string& name) const {
  const int made = run_process({(world_.programs / "posefleet").string(), "keygen",
                                (folder_ / "keys").string(), "--name", name},
                               {.log = folder_ / "tools.log"});
  POSEFLEET_CHECK(made == 0);
  return folder_ / "keys" / (name + ".key");
}

void Cluster::add_coordinator() {
  std::string config = "data_dir: " + data().string() + "\nworkers:\n";
  if (world_.hosts.has_network()) {
    config += "  listen: tcp://*:5555\n  key: " + make_key("coordinator").string() +
              "\n  allowed: " + (folder_ / "allowed").string() + "\n";
  } else {
    config += "  listen: ipc://" + (folder_ / "workers").string() + "\n";
  }
  config += "clients:\n  listen: ipc://" + (folder_ / "clients").string() + "\n";
  tests::write_file(folder_ / "coordinator.yaml", config + rules_for(world_) + kDiskAndLog);
  Member member;
  member.name = "coordinator";
  member.words = {(world_.programs / "posefleet-coordinator").string(), "--config",
                  (folder_ / "coordinator.yaml").string()};
  member.options = {.log = log(), .environment = {"TZ=UTC"}};
  if (steps_ != nullptr) {
    member.options.environment.push_back("LD_PRELOAD=" + world_.shim.string());
    member.options.environment.push_back(std::string(kStepsVariable) + "=" +
                                         (folder_ / "steps").string());
  }
  members_.push_back(std::move(member));
}

void Cluster::add_worker(Stage stage, int number, int host) {
  Member member;
  member.name = std::string(name_of(stage)) + "-" + std::to_string(number);
  member.stage = stage;
  member.host = host;
  std::string config = "model: " + world_.model.string() + "\n";
  if (world_.hosts.has_network()) {
    const fs::path key = make_key(member.name);
    fs::copy(folder_ / "keys" / (member.name + ".pub"), folder_ / "allowed");
    config += "coordinator: tcp://" + world_.hosts.coordinator_address(host) +
              ":5555\nkey: " + key.string() +
              "\ncoordinator_key: " + (folder_ / "keys" / "coordinator.pub").string() + "\n";
  } else {
    config += "coordinator: ipc://" + (folder_ / "workers").string() + "\n";
  }
  if (stage == Stage::Pose) config += "threads: 1\nprecision: float32\n";
  const fs::path file = folder_ / (member.name + ".yaml");
  tests::write_file(file, config);
  const char* program = stage == Stage::Pose ? "posefleet-pose-worker" : "posefleet-render-worker";
  member.words = {(world_.programs / program).string(), "--config", file.string()};
  member.options = {.log = folder_ / (member.name + ".log"),
                    .host = world_.hosts.host(host),
                    .environment = {"TZ=UTC"}};
  if (!world_.kills.empty()) {
    member.options.environment.push_back("POSEFLEET_TEST_KILLS=" + world_.kills);
    member.may_end_until = Instant::max();
  }
  members_.push_back(std::move(member));
}

std::vector<Member*> Cluster::workers() {
  std::vector<Member*> workers;
  for (Member& member : members_) {
    if (member.stage) workers.push_back(&member);
  }
  return workers;
}

// ---- lives --------------------------------------------------------------------------------------

void Cluster::start(Member& member) {
  member.starts_at.reset();
  member.is_frozen = false;
  member.process = std::make_unique<Process>(member.words, member.options);
  if (!member.stage) starts_.push_back(wall_ms());
}

void Cluster::start_all() {
  for (Member& member : members_) start(member);
}

bool Cluster::stop_coordinator() {
  Member& member = coordinator();
  if (!member.process) return false;
  member.process->send(SIGTERM);
  const Instant limit = now() + 20s;
  while (!member.process->ended() && now() < limit) poll(nullptr, 0, 5);
  const bool is_good = member.process->ended() == 0;
  member.process.reset();
  return is_good;
}

void Cluster::tend() {
  for (Member& member : members_) {
    if (!member.process) {
      if (member.starts_at && now() >= *member.starts_at) start(member);
      continue;
    }
    const std::optional<int> code = member.process->ended();
    if (!code) continue;
    const bool was_struck = !member.stage && steps_ != nullptr && *code == -SIGKILL;
    if (!member.starts_at && !was_struck && now() > member.may_end_until) {
      failures_.push_back(member.name + " (" + std::to_string(member.process->pid()) +
                          ") ended by itself with " + std::to_string(*code));
    }
    member.process.reset();
    if (!member.starts_at) member.starts_at = now() + kPauseAfterOwnEnd;
  }
}

void Cluster::expect_end(Member& member, Instant pause) {
  member.starts_at = now() + pause;
}

void Cluster::kill(Member& member, Instant pause) {
  expect_end(member, pause);
  member.process->send(SIGKILL);
  member.process->wait();
  member.process.reset();
}

// ---- clients ------------------------------------------------------------------------------------

std::optional<JobId> Cluster::submit(const std::string& key) {
  const auto reply = client_->ask(Submit{key, world_.spec}, 200ms, -1);
  const auto* submitted = reply ? std::get_if<Submitted>(&*reply) : nullptr;
  if (submitted == nullptr || submitted->idempotency_key != key) return std::nullopt;
  return submitted->job;
}

std::optional<JobStatus> Cluster::status(JobId job) {
  const auto reply = client_->ask(GetStatus{job}, 200ms, -1);
  const auto* status = reply ? std::get_if<JobStatus>(&*reply) : nullptr;
  if (status == nullptr || status->job != job) return std::nullopt;
  return *status;
}

}  // namespace posefleet::nemesis

#include "cli/local_cluster.h"

#include <cstdlib>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace posefleet::cli {
namespace {

constexpr const char* kFolderPrefix = "posefleet-run-";

// What a worker answers whose executor hangs (worker/runtime).
constexpr int kExitToBeStartedAgain = 1;

// A worker that dies this often has a reason that starting it again does not mend. A frame that
// kills its worker is found and taken out after 9 deaths; two of them in a range after 16.
constexpr int kStartsMax = 18;

// Time to give work back and say goodbye; a frame of the full network takes a second.
constexpr std::chrono::milliseconds kStopGrace{2000};

// YAML text in double quotes.
std::string yaml_text(const std::filesystem::path& path) {
  std::string text = "\"";
  for (const char c : path.string()) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + "\"";
}

std::filesystem::path folder_for_temporaries() {
  const char* chosen = std::getenv("TMPDIR");
  if (chosen != nullptr && *chosen != '\0') return chosen;
  // Videos do not fit into the memory that /tmp often is.
  return access("/var/tmp", W_OK) == 0 ? "/var/tmp" : "/tmp";
}

// Folders of runs that were killed so hard that they could not clean up: their lock is free.
void remove_stale_folders(const std::filesystem::path& parent) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(parent, error)) {
    if (!entry.path().filename().string().starts_with(kFolderPrefix)) continue;
    const int fd = open((entry.path() / "owner").c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) continue;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
      std::error_code ignored;
      std::filesystem::remove_all(entry.path(), ignored);
    }
    close(fd);
  }
}

std::string last_lines(const std::filesystem::path& log) {
  auto text = read_whole_file(log, 64 << 20);
  if (!text || text->empty()) return "(it wrote nothing)";
  constexpr int kLines = 8;
  std::size_t begin = text->size();
  for (int line = 0; line <= kLines && begin > 0 && begin != std::string::npos; ++line) {
    begin = text->rfind('\n', begin - 1);
  }
  return begin == std::string::npos || begin == 0 ? *text : text->substr(begin + 1);
}

}  // namespace

Result<std::unique_ptr<LocalCluster>> LocalCluster::start(const ClusterOptions& options) {
  const std::filesystem::path parent =
      options.work_dir.empty() ? folder_for_temporaries() : options.work_dir;
  POSEFLEET_TRY_DO(make_writable_folder(parent));
  remove_stale_folders(parent);
  POSEFLEET_TRY(PrivateFolder data, PrivateFolder::create(parent, kFolderPrefix));
  // Names of sockets have at most 107 letters, which a deep work folder would exceed.
  POSEFLEET_TRY(PrivateFolder sockets, PrivateFolder::create("/tmp", "posefleet-sockets-"));
  std::unique_ptr<LocalCluster> cluster(new LocalCluster(std::move(data), std::move(sockets)));
  const std::filesystem::path folder = cluster->data_.path();
  cluster->lock_fd_ = open((folder / "owner").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  flock(cluster->lock_fd_, LOCK_EX | LOCK_NB);
  const std::string workers = "ipc://" + (cluster->sockets_.path() / "workers").string();
  cluster->client_endpoint_ = "ipc://" + (cluster->sockets_.path() / "clients").string();
  POSEFLEET_TRY_DO(cluster->add(
      "coordinator", "posefleet-coordinator",
      "data_dir: " + yaml_text(folder / "data") + "\nworkers:\n  listen: " + yaml_text(workers) +
          "\nclients:\n  listen: " + yaml_text(cluster->client_endpoint_) + "\n"));
  const std::string common = "coordinator: " + yaml_text(workers) +
                             "\nmodel: " + yaml_text(std::filesystem::absolute(options.model)) +
                             "\n";
  for (int i = 1; i <= options.pose_workers; ++i) {
    POSEFLEET_TRY_DO(cluster->add(
        "pose-worker-" + std::to_string(i), "posefleet-pose-worker",
        common + "models_per_worker: " + std::to_string(options.models_per_worker) + "\nthreads: " +
            std::to_string(options.threads_per_model) + "\ndevice: " + yaml_text(options.device) +
            "\nprecision: " + name_of(options.precision) + "\n"));
  }
  for (int i = 1; i <= options.render_workers; ++i) {
    POSEFLEET_TRY_DO(
        cluster->add("render-worker-" + std::to_string(i), "posefleet-render-worker", common));
  }
  return cluster;
}

LocalCluster::~LocalCluster() {
  // Workers first: they say goodbye to a coordinator that is still there.
  std::vector<std::unique_ptr<Child>> workers;
  std::vector<std::unique_ptr<Child>> coordinator;
  for (Member& member : members_) {
    (member.name == "coordinator" ? coordinator : workers).push_back(std::move(member.child));
  }
  stop_all(workers, kStopGrace);
  stop_all(coordinator, kStopGrace);
  if (lock_fd_ >= 0) close(lock_fd_);
}

Status LocalCluster::add(const std::string& name, const std::string& program,
                         const std::string& config) {
  const std::filesystem::path config_path = data_.path() / (name + ".yaml");
  const std::filesystem::path log = data_.path() / (name + ".log");
  POSEFLEET_TRY_DO(write_file_durably(config_path, config));
  const std::filesystem::path path = own_program_folder() / program;
  POSEFLEET_TRY(Child child, Child::start(path, {"--config", config_path.string()}, log));
  members_.push_back({name, path, config_path, log, std::make_unique<Child>(std::move(child))});
  return done();
}

Status LocalCluster::tend() {
  for (Member& member : members_) {
    const std::optional<ExitState> exit = member.child->poll();
    if (!exit) continue;
    // What refuses its own configuration or model by itself will refuse it again.
    const bool may_mend = exit->signal != 0 || exit->exit_code == kExitToBeStartedAgain;
    if (!may_mend || member.starts >= kStartsMax) {
      return internal_error(member.name + " " + to_text(*exit) + ":\n" + last_lines(member.log));
    }
    POSEFLEET_TRY(Child child,
                  Child::start(member.program, {"--config", member.config.string()}, member.log));
    member.child = std::make_unique<Child>(std::move(child));
    ++member.starts;
  }
  return done();
}

}  // namespace posefleet::cli

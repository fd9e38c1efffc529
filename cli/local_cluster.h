// A coordinator and workers as child processes of this one, for one command's time.
//
// They talk over sockets in a private folder and keep their files in another one; both go away with
// this object, and so do the processes, whatever ends us. A child that dies is started again, a few
// times: the work goes on where it was, since only what was acknowledged counts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/files/files.h"
#include "common/process/child.h"
#include "common/protocol/ids.h"
#include "common/protocol/precision.h"

namespace posefleet::cli {

struct ClusterOptions {
  std::filesystem::path model;
  int pose_workers = 1;
  int models_per_worker = 1;
  int threads_per_model = 1;
  std::string device = "auto";  // of the networks, as the worker's configuration spells it
  // What the job asks for: said outright, because what "auto" means depends on the device.
  Precision precision = Precision::Float32;
  int render_workers = 1;          // 0: none is needed
  std::filesystem::path work_dir;  // parent of the private folder; empty: a folder for temporaries
};

// One thread: children die with the thread that started them.
class LocalCluster final {
 public:
  static Result<std::unique_ptr<LocalCluster>> start(const ClusterOptions& options);
  ~LocalCluster();
  LocalCluster(const LocalCluster&) = delete;
  LocalCluster& operator=(const LocalCluster&) = delete;

  const std::string& client_endpoint() const { return client_endpoint_; }
  // Where the coordinator keeps a job's files.
  std::filesystem::path folder_of(JobId job) const {
    return data_.path() / "data" / "jobs" / std::to_string(number(job));
  }

  // Starts dead children again. An error, with the last lines of its log, when one dies over and
  // over: its model cannot be loaded, or the machine has no room.
  Status tend();

 private:
  struct Member {
    std::string name;  // "pose-worker-1"
    std::filesystem::path program;
    std::filesystem::path config;
    std::filesystem::path log;
    std::unique_ptr<Child> child;
    int starts = 1;
  };

  LocalCluster(PrivateFolder data, PrivateFolder sockets)
      : data_(std::move(data)), sockets_(std::move(sockets)) {}
  Status add(const std::string& name, const std::string& program, const std::string& config);

  PrivateFolder data_;
  PrivateFolder sockets_;
  std::string client_endpoint_;
  int lock_fd_ = -1;
  std::vector<Member> members_;
};

}  // namespace posefleet::cli

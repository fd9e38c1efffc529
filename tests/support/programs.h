// Real processes for integration tests: started, watched, killed, waited for, with a time limit.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace posefleet::tests {

struct Ended {
  int exit_code = 0;  // -signal when a signal ended it
  std::string out;
  std::string err;
};

// A program of build/bin (or an absolute path). Its output goes to files in a folder of its own.
class Program final {
 public:
  Program(const std::string& name, const std::vector<std::string>& arguments);
  // Kills it if it still runs.
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return pid_; }
  void send(int signal) const;
  // Ends the test process when it takes longer.
  Ended wait(std::chrono::seconds limit = std::chrono::seconds(120));
  bool is_running();
  // What it has written to standard error up to now.
  std::string err_so_far() const;

 private:
  pid_t pid_ = -1;
  std::string folder_;
  bool has_ended_ = false;
  int status_ = 0;
};

Ended run(const std::string& name, const std::vector<std::string>& arguments);

// Direct children of a process whose program has this name.
std::vector<pid_t> children_of(pid_t parent, const std::string& program);

// False also for a process that ended and that nobody has waited for yet.
bool is_alive(pid_t pid);

// Looks again and again until `is_true`; false when the limit passes first.
bool eventually(const std::function<bool()>& is_true,
                std::chrono::seconds limit = std::chrono::seconds(60));

// Files below `folder` whose name starts with `prefix`.
std::size_t files_starting_with(const std::filesystem::path& folder, const std::string& prefix);

}  // namespace posefleet::tests

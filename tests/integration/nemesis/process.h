// Processes that faults are done to: each on a host, with a log, and gone when we are.
//
// Unlike tests/support/programs.h these start inside other namespaces, keep one log over several
// lives, and are killed by the kernel when the driver dies, however it dies: a test that injects
// faults must not leave any behind.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace posefleet::nemesis {

struct ProcessOptions {
  // Its two outputs are appended to it; empty: they are ours.
  std::filesystem::path log;
  // A process whose network and host name it shares; 0: ours.
  pid_t host = 0;
  // Beyond our own environment: "NAME=value".
  std::vector<std::string> environment;
};

// One thread, and not while another thread may start processes: the kernel ties a child's life to
// the thread that made it.
class Process final {
 public:
  // `words`: an absolute path and its arguments.
  Process(const std::vector<std::string>& words, const ProcessOptions& options);
  // Kills it if it still runs, frozen or not.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void send(int signal) const;
  // Its exit code, -signal when a signal ended it; nothing while it runs.
  std::optional<int> ended();
  int wait();

 private:
  pid_t pid_ = -1;
  std::optional<int> ended_;
};

// Runs it to its end; the exit code.
int run_process(const std::vector<std::string>& words, const ProcessOptions& options);

}  // namespace posefleet::nemesis

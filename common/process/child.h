// A child process that does not outlive its parent: the kernel sends it SIGKILL when the parent's
// thread that started it ends, whatever ended it.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "common/base/result.h"

namespace posefleet {

struct ExitState {
  int exit_code = 0;  // when it ended by itself
  int signal = 0;     // otherwise the signal that ended it
  bool operator==(const ExitState&) const = default;
};
std::string to_text(const ExitState& state);  // "ended with code 3", "was killed by signal 9"

// Start, poll and stop from one thread, the one that lives as long as the children shall.
class Child final {
 public:
  // Standard output and error go to `log`, appended. The signal mask is empty in the child.
  static Result<Child> start(const std::filesystem::path& program,
                             const std::vector<std::string>& arguments,
                             const std::filesystem::path& log);
  Child(Child&& other) noexcept : pid_(other.pid_), exit_(other.exit_) { other.pid_ = -1; }
  Child& operator=(Child&&) = delete;
  // A child that still runs is killed and waited for.
  ~Child();

  pid_t pid() const { return pid_; }
  // Its end, once it has ended; does not wait.
  std::optional<ExitState> poll();
  void send(int signal);

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  pid_t pid_;
  std::optional<ExitState> exit_;
};

// SIGTERM to all, then SIGKILL to those that still run after `grace`; returns when all have ended.
void stop_all(std::vector<std::unique_ptr<Child>>& children, std::chrono::milliseconds grace);

// The folder in which the running program lies; its sister programs lie beside it.
std::filesystem::path own_program_folder();

}  // namespace posefleet

#include "common/process/child.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace posefleet {
namespace {

// Runs between fork and exec: only async-signal-safe calls.
[[noreturn]] void become(const char* program, char* const* arguments, int log_fd, pid_t parent) {
  // Nobody is left who would want a goodbye.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // the parent died before the line above
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  // A group of its own: Ctrl-C on the terminal reaches the parent alone, which stops us in order.
  setpgid(0, 0);
  dup2(log_fd, STDOUT_FILENO);
  dup2(log_fd, STDERR_FILENO);
  const int null_fd = open("/dev/null", O_RDONLY);
  if (null_fd >= 0) dup2(null_fd, STDIN_FILENO);
  execv(program, arguments);
  _exit(127);
}

}  // namespace

std::string to_text(const ExitState& state) {
  if (state.signal != 0) return fmt::format("was killed by signal {}", state.signal);
  return fmt::format("ended with code {}", state.exit_code);
}

Result<Child> Child::start(const std::filesystem::path& program,
                           const std::vector<std::string>& arguments,
                           const std::filesystem::path& log) {
  if (access(program.c_str(), X_OK) != 0) {
    return rejected(fmt::format("cannot run {}: {}", program.string(), strerror(errno)));
  }
  std::vector<std::string> words = {program.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const int log_fd = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log_fd < 0) {
    return internal_error(fmt::format("cannot write {}: {}", log.string(), strerror(errno)));
  }
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) become(words.front().c_str(), pointers.data(), log_fd, parent);
  const int fork_errno = errno;
  close(log_fd);
  if (pid < 0) return internal_error(fmt::format("cannot fork: {}", strerror(fork_errno)));
  return Child(pid);
}

Child::~Child() {
  if (pid_ < 0 || poll()) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::optional<ExitState> Child::poll() {
  if (exit_ || pid_ < 0) return exit_;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  exit_ = WIFSIGNALED(status) ? ExitState{.signal = WTERMSIG(status)}
                              : ExitState{.exit_code = WEXITSTATUS(status)};
  return exit_;
}

void Child::send(int signal) {
  if (pid_ > 0 && !poll()) kill(pid_, signal);
}

void stop_all(std::vector<std::unique_ptr<Child>>& children, std::chrono::milliseconds grace) {
  for (auto& child : children) child->send(SIGTERM);
  const auto deadline = std::chrono::steady_clock::now() + grace;
  const auto any_runs = [&] {
    bool runs = false;
    for (auto& child : children) runs |= !child->poll();
    return runs;
  };
  while (any_runs() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  children.clear();  // kills what is left
}

std::filesystem::path own_program_folder() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::filesystem::current_path() : path.parent_path();
}

}  // namespace posefleet

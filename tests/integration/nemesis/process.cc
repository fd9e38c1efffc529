#include "tests/integration/nemesis/process.h"

#include <csignal>
#include <string>

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/check.h"

namespace posefleet::nemesis {
namespace {

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

int open_namespace(pid_t host, const char* kind) {
  const std::string path = "/proc/" + std::to_string(host) + "/ns/" + kind;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  POSEFLEET_CHECK(fd >= 0);
  return fd;
}

}  // namespace

Process::Process(const std::vector<std::string>& words, const ProcessOptions& options) {
  // Nothing below the fork may take memory: another thread may have held the allocator's lock.
  std::vector<std::string> own_words = words;
  const std::vector<char*> arguments = pointers_to(own_words);
  std::vector<std::string> variables = options.environment;
  for (char** variable = environ; *variable != nullptr; ++variable) variables.push_back(*variable);
  const std::vector<char*> environment = pointers_to(variables);
  const int net = options.host > 0 ? open_namespace(options.host, "net") : -1;
  const int uts = options.host > 0 ? open_namespace(options.host, "uts") : -1;
  const int log = options.log.empty()
                      ? -1
                      : open(options.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const pid_t parent = getpid();
  pid_ = fork();
  POSEFLEET_CHECK(pid_ >= 0);
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    // We block what asks us to stop; that is inherited.
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    // Ctrl-C is for the driver, which ends everybody in order.
    setpgid(0, 0);
    if (net >= 0 && (setns(net, CLONE_NEWNET) != 0 || setns(uts, CLONE_NEWUTS) != 0)) _exit(127);
    if (log >= 0) dup2(log, STDOUT_FILENO);
    if (log >= 0) dup2(log, STDERR_FILENO);
    execve(arguments.front(), arguments.data(), environment.data());
    _exit(127);
  }
  for (const int fd : {net, uts, log}) {
    if (fd >= 0) close(fd);
  }
}

Process::~Process() {
  if (ended()) return;
  send(SIGKILL);
  wait();
}

void Process::send(int signal) const {
  if (!ended_) kill(pid_, signal);
}

std::optional<int> Process::ended() {
  int status = 0;
  if (!ended_ && waitpid(pid_, &status, WNOHANG) == pid_) {
    ended_ = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  }
  return ended_;
}

int Process::wait() {
  int status = 0;
  if (!ended_ && waitpid(pid_, &status, 0) == pid_) {
    ended_ = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  }
  return ended_.value_or(127);
}

int run_process(const std::vector<std::string>& words, const ProcessOptions& options) {
  return Process(words, options).wait();
}

}  // namespace posefleet::nemesis

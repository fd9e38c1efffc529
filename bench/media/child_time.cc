#include "bench/media/child_time.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace posefleet::bench {
namespace {

double seconds(const rusage& usage) {
  const auto sum = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return sum(usage.ru_utime) + sum(usage.ru_stime);
}

[[noreturn]] void become(std::vector<char*> arguments) {
  const int nowhere = open("/dev/null", O_RDWR);
  dup2(nowhere, STDIN_FILENO);
  dup2(nowhere, STDOUT_FILENO);
  execvp(arguments.front(), arguments.data());
  _exit(127);
}

}  // namespace

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return seconds(usage);
}

Result<double> run_program(const std::vector<std::string>& arguments) {
  std::vector<char*> pointers;
  for (const std::string& argument : arguments)
    pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) return internal_error(std::string("cannot fork: ") + std::strerror(errno));
  if (child == 0) become(std::move(pointers));
  int status = 0;
  rusage usage{};
  if (wait4(child, &status, 0, &usage) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return internal_error(arguments.front() + " failed");
  }
  return seconds(usage);
}

}  // namespace posefleet::bench

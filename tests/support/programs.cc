#include "tests/support/programs.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/check.h"
#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

void pause_briefly() {
  poll(nullptr, 0, 5);
}

}  // namespace

Program::Program(const std::string& name, const std::vector<std::string>& arguments) {
  const std::string path =
      name.starts_with('/') ? name : std::string(POSEFLEET_BIN_DIR) + "/" + name;
  folder_ = (std::filesystem::temp_directory_path() / "posefleet-program-XXXXXX").string();
  POSEFLEET_CHECK(mkdtemp(folder_.data()) != nullptr);
  std::vector<std::string> words = {path};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const std::string out = folder_ + "/out";
  const std::string err = folder_ + "/err";
  pid_ = fork();
  POSEFLEET_CHECK(pid_ >= 0);
  if (pid_ > 0) return;
  const int out_fd = open(out.c_str(), O_WRONLY | O_CREAT, 0600);
  const int err_fd = open(err.c_str(), O_WRONLY | O_CREAT, 0600);
  dup2(out_fd, STDOUT_FILENO);
  dup2(err_fd, STDERR_FILENO);
  execv(pointers.front(), pointers.data());
  _exit(127);
}

Program::~Program() {
  if (is_running()) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Program::send(int signal) const {
  kill(pid_, signal);
}

bool Program::is_running() {
  if (has_ended_) return false;
  has_ended_ = waitpid(pid_, &status_, WNOHANG) == pid_;
  return !has_ended_;
}

std::string Program::err_so_far() const {
  std::ifstream file(folder_ + "/err");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Ended Program::wait(std::chrono::seconds limit) {
  if (!eventually([&] { return !is_running(); }, limit)) {
    std::fprintf(stderr, "process %d did not end in %ld s\n%s\n", pid_,
                 static_cast<long>(limit.count()), read_file(folder_ + "/err").c_str());
    std::abort();
  }
  const int code = WIFSIGNALED(status_) ? -WTERMSIG(status_) : WEXITSTATUS(status_);
  return {code, read_file(folder_ + "/out"), read_file(folder_ + "/err")};
}

Ended run(const std::string& name, const std::vector<std::string>& arguments) {
  return Program(name, arguments).wait();
}

std::vector<pid_t> children_of(pid_t parent, const std::string& program) {
  std::vector<pid_t> children;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const int pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0) continue;
    std::ifstream stat(entry.path() / "stat");
    std::string text((std::istreambuf_iterator<char>(stat)), std::istreambuf_iterator<char>());
    // "pid (name) state ppid ...": the name may hold spaces.
    const std::size_t end = text.rfind(')');
    int ppid = 0;
    char state = 0;
    if (end == std::string::npos ||
        std::sscanf(text.c_str() + end + 1, " %c %d", &state, &ppid) != 2) {
      continue;
    }
    std::error_code ignored;
    const auto exe = std::filesystem::read_symlink(entry.path() / "exe", ignored);
    if (ppid == parent && exe.filename() == program) children.push_back(pid);
  }
  return children;
}

bool is_alive(pid_t pid) {
  std::error_code error;
  const auto exe = std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/exe", error);
  return !error && !exe.empty();
}

bool eventually(const std::function<bool()>& is_true, std::chrono::seconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!is_true()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    pause_briefly();
  }
  return true;
}

std::size_t files_starting_with(const std::filesystem::path& folder, const std::string& prefix) {
  std::size_t count = 0;
  std::error_code error;
  for (auto entry = std::filesystem::recursive_directory_iterator(folder, error);
       entry != std::filesystem::recursive_directory_iterator(); entry.increment(error)) {
    if (error) break;
    count += entry->path().filename().string().starts_with(prefix) ? 1 : 0;
  }
  return count;
}

}  // namespace posefleet::tests

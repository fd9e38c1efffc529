// Real processes of /bin/sh, so there is real time here; every wait ends with the process it waits
// for, within a limit.
#include "common/process/child.h"

#include <csignal>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<Child> shell(const std::string& script, const std::filesystem::path& log) {
  auto child = Child::start("/bin/sh", {"-c", script}, log);
  EXPECT_TRUE(child) << child.error().message;
  return std::make_unique<Child>(std::move(*child));
}

// Calls `is_true` until it is, for at most ten seconds.
template <typename Condition>
bool eventually(Condition&& is_true) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!is_true()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

bool is_running(pid_t pid) {
  return kill(pid, 0) == 0;
}

TEST(Child, TellsHowItEnded) {
  TempDir folder;
  struct Case {
    const char* script;
    ExitState state;
    const char* text;
  };
  for (const Case& one : {Case{"exit 0", {}, "ended with code 0"},
                          Case{"exit 3", {.exit_code = 3}, "ended with code 3"},
                          Case{"kill -9 $$", {.signal = SIGKILL}, "was killed by signal 9"}}) {
    SCOPED_TRACE(one.script);
    const auto child = shell(one.script, folder / "log");
    ASSERT_TRUE(eventually([&] { return child->poll().has_value(); }));
    EXPECT_EQ(*child->poll(), one.state);
    EXPECT_EQ(to_text(*child->poll()), one.text);
  }
}

TEST(Child, WritesItsOutputIntoTheLogAndReadsNothing) {
  TempDir folder;
  write_file(folder / "log", "before\n");
  const auto child = shell("read line; echo out:$line; echo err >&2", folder / "log");
  ASSERT_TRUE(eventually([&] { return child->poll().has_value(); }));
  EXPECT_EQ(read_file(folder / "log"), "before\nout:\nerr\n");
}

TEST(Child, AProgramThatCannotRunIsNamed) {
  TempDir folder;
  const auto missing = Child::start("/no/such/program", {}, folder / "log");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, "cannot run /no/such/program: No such file or directory");
  const auto no_log = Child::start("/bin/sh", {}, folder / "none/log");
  ASSERT_FALSE(no_log);
}

TEST(Child, DoesNotOutliveItsOwner) {
  TempDir folder;
  pid_t pid = 0;
  {
    const auto child = shell("trap '' TERM; while :; do sleep 1; done", folder / "log");
    pid = child->pid();
    EXPECT_TRUE(is_running(pid));
    EXPECT_FALSE(child->poll());
  }
  EXPECT_FALSE(is_running(pid));
}

TEST(Child, StopAllAsksFirstAndThenKills) {
  TempDir folder;
  std::vector<std::unique_ptr<Child>> children;
  children.push_back(
      shell("trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.01; done",
            folder / "polite"));
  children.push_back(
      shell("trap '' TERM; echo ready; while :; do sleep 0.01; done", folder / "deaf"));
  for (const char* log : {"polite", "deaf"}) {
    ASSERT_TRUE(eventually([&] { return read_file(folder / log) == "ready\n"; }));
  }
  const std::vector<pid_t> pids = {children[0]->pid(), children[1]->pid()};
  stop_all(children, 300ms);
  EXPECT_TRUE(children.empty());
  for (const pid_t pid : pids) EXPECT_FALSE(is_running(pid));
  EXPECT_EQ(read_file(folder / "polite"), "ready\nasked\n");
}

TEST(Child, StopAllReturnsAsSoonAsAllHaveEnded) {
  TempDir folder;
  std::vector<std::unique_ptr<Child>> children;
  children.push_back(shell("exec sleep 60", folder / "log"));
  const auto start = std::chrono::steady_clock::now();
  stop_all(children, 30s);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 20s);
}

// A process in between starts a child and dies by SIGKILL, which it cannot notice.
TEST(Child, DiesWithItsParent) {
  TempDir folder;
  const pid_t between = fork();
  ASSERT_GE(between, 0);
  if (between == 0) {
    const auto child = Child::start("/bin/sh", {"-c", "echo $$; exec sleep 60"}, folder / "log");
    while (child) pause();
    _exit(1);
  }
  ASSERT_TRUE(eventually([&] {
    return std::filesystem::exists(folder / "log") &&
           read_file(folder / "log").find('\n') != std::string::npos;
  }));
  const pid_t pid = std::stoi(read_file(folder / "log"));
  EXPECT_TRUE(is_running(pid));
  kill(between, SIGKILL);
  waitpid(between, nullptr, 0);
  // It is nobody's child of ours, so it may stay as a zombie until init takes it.
  EXPECT_TRUE(eventually([&] {
    if (!is_running(pid)) return true;
    const std::filesystem::path stat = "/proc/" + std::to_string(pid) + "/stat";
    return std::filesystem::exists(stat) && read_file(stat).find(") Z") != std::string::npos;
  }));
}

}  // namespace
}  // namespace posefleet::tests

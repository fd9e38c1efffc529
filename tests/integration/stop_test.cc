// Workers that are told to stop end in order, whichever of their threads the signal reaches.
#include <csignal>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/fixtures.h"
#include "tests/support/programs.h"

namespace posefleet::tests {
namespace {

// Whether the process has a handler for SIGHUP, the last of the stop signals to get one.
bool handles_stop_signals(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("SigCgt:")) continue;
    return (std::stoull(line.substr(7), nullptr, 16) >> (SIGHUP - 1) & 1) != 0;
  }
  return false;
}

TEST(Stop, WorkersWithoutACoordinatorEndInOrder) {
  const TempDir folder;
  ASSERT_EQ(run("posefleet-random-model", {(folder / "model").string()}).exit_code, 0);
  write_file(folder / "worker.yaml", "coordinator: ipc://" + (folder / "nobody.sock").string() +
                                         "\nmodel: " + (folder / "model").string() + "\n");
  for (const char* name : {"posefleet-pose-worker", "posefleet-render-worker"}) {
    for (const int signal : {SIGTERM, SIGINT}) {
      SCOPED_TRACE(name);
      Program worker(name, {"--config", (folder / "worker.yaml").string()});
      ASSERT_TRUE(eventually([&] { return handles_stop_signals(worker.pid()); }));
      worker.send(signal);
      const Ended ended = worker.wait();
      EXPECT_EQ(ended.exit_code, 0) << ended.err;
      EXPECT_NE(ended.err.find("drained"), std::string::npos) << ended.err;
    }
  }
}

}  // namespace
}  // namespace posefleet::tests

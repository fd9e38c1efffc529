// Two hosts, each a network namespace of its own: the coordinator on one, the workers on the other,
// nothing between them but a cable and keys.
#include <csignal>
#include <cstdlib>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/integration/keyed_cluster.h"

namespace posefleet::tests {
namespace {

constexpr const char* kIp = "/usr/sbin/ip";

// Ends the test program with 77, which is shown as skipped.
[[noreturn]] void skip(const std::string& reason) {
  std::fprintf(stderr, "not checked: %s\n", reason.c_str());
  std::exit(77);
}

// Two namespaces and a cable between them. The names hold our process number: tests run side by
// side.
class TwoHosts final {
 public:
  TwoHosts() {
    if (access(kIp, X_OK) != 0) skip(std::string(kIp) + " is not on this machine");
    must({"netns", "add", left()});
    must({"netns", "add", right()});
    must({"link", "add", "eth0", "netns", left(), "type", "veth", "peer", "name", "eth0", "netns",
          right()});
    for (const auto& [host, address] :
         {std::pair{left(), "10.77.0.1/24"}, {right(), "10.77.0.2/24"}}) {
      must({"-n", host, "address", "add", address, "dev", "eth0"});
      must({"-n", host, "link", "set", "eth0", "up"});
    }
  }
  ~TwoHosts() { remove(); }

  std::vector<std::string> on_left() const { return {kIp, "netns", "exec", left()}; }
  std::vector<std::string> on_right() const { return {kIp, "netns", "exec", right()}; }

 private:
  std::string left() const { return "posefleet-left-" + std::to_string(getpid()); }
  std::string right() const { return "posefleet-right-" + std::to_string(getpid()); }

  void must(const std::vector<std::string>& arguments) {
    const Ended ended = run(kIp, arguments);
    if (ended.exit_code == 0) return;
    remove();
    skip("network namespaces are not permitted here: " + ended.err);
  }
  void remove() {
    run(kIp, {"netns", "del", left()});
    run(kIp, {"netns", "del", right()});
  }
};

TEST(Hosts, AJobIsDoneByWorkersOnAnotherHostWithKeys) {
  TwoHosts hosts;
  KeyedCluster cluster({.listen = "tcp://10.77.0.1:5555", .prefix = hosts.on_left()});
  cluster.allow("pose");
  cluster.allow("render");
  const auto render = cluster.start_worker({.key = "render", .prefix = hosts.on_right()});
  const auto pose = cluster.start_worker(
      {.program = "posefleet-pose-worker", .key = "pose", .prefix = hosts.on_right()});
  EXPECT_TRUE(cluster.waits_for(cluster.coordinator(), "key render)"));
  EXPECT_TRUE(cluster.waits_for(cluster.coordinator(), "key pose)"));
  const JobId job = cluster.submit(2);
  EXPECT_EQ(cluster.wait_for_output(job).size(), 64u);

  make_key(cluster.keys(), "stranger");
  const auto stranger = cluster.start_worker({.key = "stranger", .prefix = hosts.on_right()});
  EXPECT_TRUE(cluster.waits_for(*stranger, "key not allowed"));
  EXPECT_TRUE(cluster.waits_for(cluster.coordinator(), "refused, key_not_allowed"));
  EXPECT_NE(cluster.coordinator().err_so_far().find("from 10.77.0.2"), std::string::npos)
      << cluster.coordinator().err_so_far();
}

}  // namespace
}  // namespace posefleet::tests

// Two hosts: the coordinator on one, the workers on the other, nothing between them but a cable and
// keys.
#include <gtest/gtest.h>

#include "tests/integration/keyed_cluster.h"
#include "tests/integration/two_hosts.h"

namespace posefleet::tests {
namespace {

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

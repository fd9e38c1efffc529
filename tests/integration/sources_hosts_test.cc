// Workers on another host that do not see the source's file: they have it over HTTP, and what comes
// out is the same.
#include <algorithm>
#include <csignal>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/keyed_cluster.h"
#include "tests/integration/two_hosts.h"

namespace posefleet::tests {
namespace {

// `ip netns exec` gives a program mounts of its own, so that hiding a folder there hides it nowhere
// else.
std::vector<std::string> without(const std::filesystem::path& folder,
                                 std::vector<std::string> prefix) {
  for (const char* word : {"/bin/sh", "-c", "mount -t tmpfs none \"$0\" && exec \"$@\""}) {
    prefix.push_back(word);
  }
  prefix.push_back(folder.string());
  return prefix;
}

KeyedOptions on_the_left(const TwoHosts& hosts) {
  return {.listen = "tcp://10.77.0.1:5555",
          .prefix = hosts.on_left(),
          .more = "http:\n  listen: 10.77.0.1:5580\n"};
}

// A pose worker and a render worker.
struct Pair {
  std::unique_ptr<Program> pose, render;
};
Pair start_pair(KeyedCluster& cluster, const std::vector<std::string>& prefix) {
  return {
      cluster.start_worker({.program = "posefleet-pose-worker", .key = "worker", .prefix = prefix}),
      cluster.start_worker({.key = "worker", .prefix = prefix})};
}

// The workers' log, once they have ended as they are told to.
std::string stop(Pair& pair) {
  std::string log;
  for (Program* program : {pair.pose.get(), pair.render.get()}) {
    program->send(SIGTERM);
    const Ended ended = program->wait();
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    log += ended.err;
  }
  return log;
}

nlohmann::json listed_workers(const KeyedCluster& cluster) {
  const Ended ended = run(
      "posefleet", {"workers", "--json", "--server", "ipc://" + (cluster / "clients").string()});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  return nlohmann::json::parse(ended.out).at("workers");
}

TEST(SourcesHosts, WorkersThatDoNotSeeTheFileGiveTheSameOutput) {
  TwoHosts hosts;
  KeyedCluster cluster(on_the_left(hosts));
  cluster.allow("worker");
  std::filesystem::create_directory(cluster.clip().parent_path());
  Pair far = start_pair(cluster, without(cluster.clip().parent_path(), hosts.on_right()));
  EXPECT_TRUE(cluster.waits_for(cluster.coordinator(), "pose worker"));
  EXPECT_TRUE(cluster.waits_for(cluster.coordinator(), "render worker"));
  const std::string over_http = cluster.wait_for_output(cluster.submit(3, "far"));

  const nlohmann::json workers = listed_workers(cluster);
  ASSERT_EQ(workers.size(), 2u);
  EXPECT_EQ(workers[0].at("role"), "pose");
  EXPECT_EQ(workers[1].at("role"), "render");
  for (const auto& worker : workers) {
    EXPECT_EQ(worker.at("state"), "active");
    EXPECT_EQ(worker.at("key"), "worker");
  }
  // Of a session's first second nothing is said, and a quick machine has done all by then.
  EXPECT_TRUE(eventually([&] {
    const nlohmann::json listed = listed_workers(cluster);
    return std::all_of(listed.begin(), listed.end(), [](const nlohmann::json& worker) {
      return worker.at("frames_per_second").get<double>() > 0;
    });
  }));
  EXPECT_EQ(count_of(stop(far), "bytes were fetched"), 2);

  // On the same host, which now sees the file: its folder is only hidden from those above.
  Pair near = start_pair(cluster, hosts.on_right());
  const std::string from_the_file = cluster.wait_for_output(cluster.submit(3, "near"));
  EXPECT_EQ(count_of(stop(near), "bytes were fetched"), 0);
  EXPECT_EQ(over_http.size(), 64u);
  EXPECT_EQ(over_http, from_the_file);
}

// The poses are there, nobody draws yet: the source is needed again, and is not what it was.
TEST(SourcesHosts, ASourceThatChangesInTheMiddleEndsTheJobWithItsName) {
  struct Case {
    const char* name;
    std::function<void(const std::filesystem::path&)> change;
    const char* message;
  };
  for (const Case& one :
       {Case{"changes", [](auto& path) { std::ofstream(path, std::ios::app) << "x"; },
             "changed while it was being used"},
        Case{"vanishes", [](auto& path) { std::filesystem::remove(path); },
             "No such file or directory"}}) {
    SCOPED_TRACE(one.name);
    TwoHosts hosts;
    KeyedCluster cluster(on_the_left(hosts));
    cluster.allow("worker");
    std::filesystem::create_directory(cluster.clip().parent_path());
    const auto prefix = without(cluster.clip().parent_path(), hosts.on_right());
    const auto pose = cluster.start_worker(
        {.program = "posefleet-pose-worker", .key = "worker", .prefix = prefix});
    const JobId job = cluster.submit(2);
    EXPECT_TRUE(eventually([&] {
      const JobStatus status = cluster.status(job);
      return status.stages.size() == 2 && status.stages[0].frames_total > 0 &&
             status.stages[0].frames_done == status.stages[0].frames_total;
    }));
    one.change(cluster.clip());
    const auto render = cluster.start_worker({.key = "worker", .prefix = prefix});
    EXPECT_TRUE(eventually([&] { return is_final(cluster.status(job).state); }));
    const JobStatus status = cluster.status(job);
    EXPECT_EQ(status.state, JobState::Failed);
    EXPECT_NE(status.error.find(cluster.clip().string()), std::string::npos) << status.error;
    EXPECT_NE(status.error.find(one.message), std::string::npos) << status.error;
  }
}

}  // namespace
}  // namespace posefleet::tests

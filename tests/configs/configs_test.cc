// The files of configs/ say what the programs say.
#include <algorithm>

#include <gtest/gtest.h>

#include "common/config/loader.h"
#include "coordinator/server/config.h"
#include "tests/support/fixtures.h"
#include "worker/runtime/config.h"

namespace posefleet::tests {
namespace {

const std::filesystem::path kConfigs = std::filesystem::path(POSEFLEET_SOURCE_DIR) / "configs";

// From a heading to the next one.
std::string section(const std::string& text, const std::string& heading) {
  const std::size_t begin = text.find("\n## " + heading + "\n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find("\n## ", begin + 1) - begin);
}

TEST(Configs, TheReadmeHoldsTheTableOfEachProgram) {
  const std::string readme = read_file(kConfigs / "README.md") + "\n";
  struct Case {
    const char* program;
    std::string table;
  };
  for (const Case& one : {
           Case{"posefleet-coordinator", config_markdown(coordinator_fields())},
           Case{"posefleet-pose-worker", config_markdown(pose_worker_fields())},
           Case{"posefleet-render-worker", config_markdown(render_worker_fields())},
       }) {
    SCOPED_TRACE(one.program);
    ASSERT_GT(std::count(one.table.begin(), one.table.end(), '\n'), 3);
    EXPECT_NE(section(readme, one.program).find(one.table), std::string::npos)
        << "configs/README.md should hold, as " << one.program << " --print-table prints it:\n"
        << one.table;
  }
}

TEST(Configs, TheSampleFilesAreValid) {
  const auto coordinator = load_config(coordinator_fields(), kConfigs / "coordinator.yaml");
  ASSERT_TRUE(coordinator) << coordinator.error().message;
  const auto pose = load_config(pose_worker_fields(), kConfigs / "pose-worker.yaml");
  ASSERT_TRUE(pose) << pose.error().message;
  const auto render = load_config(render_worker_fields(), kConfigs / "render-worker.yaml");
  ASSERT_TRUE(render) << render.error().message;
  // As they stand, they find each other.
  EXPECT_EQ(pose->coordinator, coordinator->workers_listen);
  EXPECT_EQ(render->coordinator, coordinator->workers_listen);
  EXPECT_TRUE(check_coordinator(*pose));
  const auto open = load_config(coordinator_fields(), kConfigs / "coordinator-keys.yaml");
  ASSERT_TRUE(open) << open.error().message;
  EXPECT_TRUE(server_config(*open));
  const auto remote = load_config(pose_worker_fields(), kConfigs / "pose-worker-keys.yaml");
  ASSERT_TRUE(remote) << remote.error().message;
  EXPECT_FALSE(remote->key.empty() || remote->coordinator_key.empty());
}

TEST(Configs, EveryKeyReachesTheRules) {
  const auto config =
      parse_config(coordinator_fields(),
                   "data_dir: /data\n"
                   "workers: {listen: 'tcp://127.0.0.1:1', key: /k, allowed: /a}\n"
                   "clients: {listen: 'tcp://127.0.0.1:2'}\n"
                   "http: {listen: '*:3', public_url: 'http://h:3'}\n"
                   "rules: {heartbeat: 2, lease: 40, range_time_max: 90, fails_max: 5,\n"
                   "        quarantine_max: 8}\n"
                   "limits: {sessions: 6, jobs: 9, results: 10, result_mib: 7,\n"
                   "         http_connections: 11}\n",
                   "test.yaml");
  ASSERT_TRUE(config) << config.error().message;
  const auto made = server_config(*config);
  ASSERT_TRUE(made) << made.error().message;
  const ServerConfig& server = *made;
  ASSERT_TRUE(server.worker_keys);
  EXPECT_EQ(server.worker_keys->key, "/k");
  EXPECT_EQ(server.worker_keys->allowed, "/a");
  ASSERT_TRUE(server.sources);
  EXPECT_TRUE(server.sources->listen.is_any);
  EXPECT_EQ(server.sources->listen.port, 3);
  EXPECT_EQ(server.sources->public_url, "http://h:3");
  EXPECT_EQ(server.sources->connections_max, 11u);
  EXPECT_EQ(server.data_dir, "/data");
  EXPECT_EQ(server.worker_endpoint, "tcp://127.0.0.1:1");
  EXPECT_EQ(server.client_endpoint, "tcp://127.0.0.1:2");
  EXPECT_EQ(server.rules.heartbeat, std::chrono::seconds(2));
  EXPECT_EQ(server.rules.lease, std::chrono::seconds(40));
  EXPECT_EQ(server.rules.fails_max, 5u);
  EXPECT_EQ(server.rules.range_time_max, std::chrono::seconds(90));
  EXPECT_EQ(server.rules.troubles_max, 5u);
  EXPECT_EQ(server.rules.quarantine_max, 8u);
  EXPECT_EQ(server.rules.sessions_max, 6u);
  EXPECT_EQ(server.jobs_max, 9u);
  EXPECT_EQ(server.results_max, 10u);
  EXPECT_EQ(server.rules.result_bytes_max, 7u << 20);
}

TEST(Configs, SourcesAreServedToOthersOnlyWithKeysAndAnAddress) {
  const std::string keys = "workers: {key: /k, allowed: /a}\n";
  struct Case {
    const char* name;
    std::string text;
    const char* message;  // empty: it is taken
  };
  for (const Case& one : {
           Case{"loopback needs neither", "http: {listen: '127.0.0.1:1'}\n", ""},
           Case{"an address says how it is reached", keys + "http: {listen: '10.0.0.1:1'}\n", ""},
           Case{"no address", "http: {listen: 'here'}\n", "http.listen: 'here' is no address"},
           Case{"no keys", "http: {listen: '10.0.0.1:1'}\n", "without workers.key"},
           Case{"every interface", keys + "http: {listen: '*:1'}\n", "give http.public_url"},
           Case{"a URL alone", "http: {public_url: 'http://h:1'}\n", "without http.listen"},
           Case{"not http", keys + "http: {listen: '*:1', public_url: 'https://h:1'}\n",
                "http.public_url is 'https://h:1'"},
           Case{"a slash", keys + "http: {listen: '*:1', public_url: 'http://h:1/'}\n",
                "without a slash"},
       }) {
    SCOPED_TRACE(one.name);
    const auto config = parse_config(coordinator_fields(), "data_dir: /d\n" + one.text, "t.yaml");
    ASSERT_TRUE(config) << config.error().message;
    const auto server = server_config(*config);
    ASSERT_EQ(server.has_value(), *one.message == '\0');
    if (!server) {
      EXPECT_NE(server.error().message.find(one.message), std::string::npos)
          << server.error().message;
    }
  }
}

TEST(Configs, AWorkerWithoutKeysStaysOnThisMachine) {
  const auto status = check_coordinator({"tcp://10.0.0.1:5555", "", ""});
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().message.starts_with("coordinator is tcp://10.0.0.1:5555: "));
}

}  // namespace
}  // namespace posefleet::tests

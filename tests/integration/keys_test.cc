// A cluster with keys, as real processes: who takes part, who does not, and what a change of the
// list of keys does while it runs.
#include <csignal>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/keys/key_file.h"
#include "common/net/socket.h"
#include "common/wire/codec.h"
#include "tests/integration/keyed_cluster.h"

namespace posefleet::tests {
namespace {

namespace fs = std::filesystem;

// ---- keygen -------------------------------------------------------------------------------------

TEST(Keygen, MakesPairsAndNeverWritesOverOne) {
  TempDir folder;
  const fs::path keys = folder / "deep/keys";
  const Ended made = run("posefleet", {"keygen", keys.string(), "--name", "gpu-1", "--json"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const auto json = nlohmann::json::parse(made.out).at("keys");
  ASSERT_EQ(json.size(), 2u);
  EXPECT_EQ(json[0].at("name"), "coordinator");
  EXPECT_EQ(json[1].at("name"), "gpu-1");
  for (const char* name : {"coordinator", "gpu-1"}) {
    struct stat info {};
    ASSERT_EQ(stat((keys / (std::string(name) + ".key")).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600u);
    const auto secret = read_secret_key(keys / (std::string(name) + ".key"));
    const auto shown = read_public_key(keys / (std::string(name) + ".pub"));
    ASSERT_TRUE(secret && shown);
    EXPECT_EQ(secret->key.public_key(), shown->key);
    EXPECT_EQ(made.out.find(secret->key.reveal()), std::string::npos);
  }
  const std::string coordinator = read_file(keys / "coordinator.key");
  const std::string worker = read_file(keys / "gpu-1.key");

  const Ended again = run("posefleet", {"keygen", keys.string(), "--name", "gpu-1"});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_NE(again.err.find("gpu-1.key is there already"), std::string::npos) << again.err;
  EXPECT_EQ(read_file(keys / "gpu-1.key"), worker);

  // A second worker keeps the coordinator's key; so does a new key for the first.
  fs::remove(keys / "coordinator.pub");
  EXPECT_EQ(run("posefleet", {"keygen", keys.string(), "--name", "gpu-2"}).exit_code, 0);
  EXPECT_EQ(run("posefleet", {"keygen", keys.string(), "--name", "gpu-1", "--force"}).exit_code, 0);
  EXPECT_EQ(read_file(keys / "coordinator.key"), coordinator);
  EXPECT_TRUE(read_public_key(keys / "coordinator.pub"));
  EXPECT_NE(read_file(keys / "gpu-1.key"), worker);
}

TEST(Keygen, SaysWhatItCannotDo) {
  TempDir folder;
  write_file(folder / "file", "");
  fs::create_directory(folder / "damaged");
  write_file(folder / "damaged/coordinator.key", "nonsense\n");
  fs::permissions(folder / "damaged/coordinator.key", fs::perms::owner_read);
  const struct {
    const char* name;
    std::vector<std::string> arguments;
    const char* message;
  } cases[] = {
      {"a name that leaves the folder", {(folder / "k").string(), "--name", "../x"}, "--name is"},
      {"no folder", {(folder / "file/keys").string()}, "file/keys"},
      {"a coordinator's key that is none", {(folder / "damaged").string()}, "no file of keys"},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.name);
    std::vector<std::string> arguments = {"keygen"};
    arguments.insert(arguments.end(), one.arguments.begin(), one.arguments.end());
    const Ended ended = run("posefleet", arguments);
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_NE(ended.err.find(one.message), std::string::npos) << ended.err;
  }
}

// ---- who comes in -------------------------------------------------------------------------------

TEST(Keys, WorkersThatAreNotLetInSayWhyAndGoOnTrying) {
  KeyedCluster cluster;
  cluster.allow("good");
  make_key(cluster.keys(), "stranger");
  const struct {
    const char* name;
    KeyedCluster::WorkerOptions worker;
    const char* at_worker;
    const char* at_coordinator;
  } cases[] = {
      {"not on the list", {.key = "stranger"}, "key not allowed", "refused, key_not_allowed"},
      {"another coordinator's key",
       {.key = "good", .coordinator = "stranger"},
       "is coordinator_key the public key",
       "refused, wrong_server_key"},
      {"no key", {}, "it wants a key, and this worker has none", "refused, keys_on_one_side"},
  };
  std::vector<std::unique_ptr<Program>> workers;
  for (const auto& one : cases) {
    SCOPED_TRACE(one.name);
    workers.push_back(cluster.start_worker(one.worker));
    EXPECT_TRUE(cluster.waits_for(*workers.back(), one.at_worker));
    EXPECT_TRUE(cluster.waits_for(cluster.coordinator(), one.at_coordinator));
  }
  // The first of them is let in later, without being started again.
  cluster.allow("stranger");
  EXPECT_TRUE(cluster.waits_for(cluster.coordinator(), "key stranger)"));
  for (std::size_t i = 0; i < workers.size(); ++i) {
    EXPECT_TRUE(workers[i]->is_running());
    // Tried several times, said once; which side ends a handshake first is chance, and is said,
    // too.
    const std::string log = workers[i]->err_so_far();
    EXPECT_EQ(count_of(log, cases[i].at_worker), 1) << log;
    EXPECT_LE(count_of(log, "does not let this worker in"), 2) << log;
    workers[i]->send(SIGTERM);
    EXPECT_EQ(workers[i]->wait().exit_code, 0) << workers[i]->err_so_far();
  }
  const std::string log = cluster.coordinator().err_so_far();
  for (const auto& one : cases) EXPECT_EQ(count_of(log, one.at_coordinator), 1) << log;
}

// A peer with an allowed key that the test speaks for itself.
class Peer final {
 public:
  Peer(KeyedCluster& cluster, const std::string& name)
      : keys_{read_secret_key(cluster.keys() / (name + ".key"))->key,
              read_public_key(cluster.keys() / "coordinator.pub")->key},
        socket_(std::move(*DealerSocket::connect(context_, cluster.endpoint(), &keys_))) {}

  void send(const std::string& bytes) {
    EXPECT_TRUE(eventually([&] { return socket_->send(bytes).has_value(); }));
  }
  void send(const WorkerMessage& message) { send(encode(message)); }
  // Nothing when none comes before the connection is ended.
  template <typename Message>
  std::optional<Message> receive() {
    std::optional<Message> found;
    EXPECT_TRUE(eventually([&] {
      const auto bytes = socket_->receive();
      if (!bytes) return false;
      const auto message = decode_coordinator_message(*bytes);
      if (message && std::holds_alternative<Message>(*message)) found = std::get<Message>(*message);
      return found.has_value();
    }));
    return found;
  }

 private:
  NetContext context_;
  ClientKeys keys_;
  std::unique_ptr<DealerSocket> socket_;
};

Hello hello_of(const std::string& worker, std::uint64_t incarnation) {
  Hello hello;
  hello.worker = worker;
  hello.incarnation = incarnation;
  hello.role = Stage::Render;
  return hello;
}

void send_plainly(const std::string& endpoint, const std::string& bytes) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port =
      htons(static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  close(fd);
}

TEST(Keys, GarbageIsRefusedAndCountedAndHurtsNoSession) {
  KeyedCluster cluster;
  cluster.allow("good");
  cluster.allow("evil");
  Peer good(cluster, "good");
  good.send(hello_of("good", 1));
  const auto welcome = good.receive<Welcome>();
  ASSERT_TRUE(welcome);
  EXPECT_TRUE(cluster.waits_for(cluster.coordinator(), "joined (, key good)"));

  send_plainly(cluster.endpoint(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(cluster.waits_for(cluster.coordinator(), "refused, not_our_protocol"));

  Peer evil(cluster, "evil");
  for (int i = 0; i < 200; ++i) evil.send("nonsense" + std::string(8 * i, '\x7f'));
  EXPECT_TRUE(cluster.waits_for(cluster.coordinator(), "refused, damaged_message: from key evil"));

  Hello old = hello_of("evil", 2);
  old.protocol_version = 77;
  evil.send(old);
  const auto refused = evil.receive<Refused>();
  ASSERT_TRUE(refused);
  EXPECT_NE(refused->reason.find("77"), std::string::npos);
  EXPECT_TRUE(cluster.waits_for(cluster.coordinator(), "refused, wrong_version: version 77"));

  Hello long_name = hello_of(std::string(1000, 'x'), 3);
  evil.send(long_name);
  const auto over = evil.receive<Refused>();
  ASSERT_TRUE(over);
  EXPECT_NE(over->reason.find("has 1000, at most 256"), std::string::npos) << over->reason;
  EXPECT_TRUE(cluster.waits_for(cluster.coordinator(), "refused, over_limit"));

  evil.send(hello_of("evil\n2026 error coordinator: all is lost", 4));
  ASSERT_TRUE(evil.receive<Welcome>());
  EXPECT_TRUE(cluster.waits_for(cluster.coordinator(), "worker evil\\n2026 error"));

  // The same process by its own words, but not by its key: it gets a session of its own.
  evil.send(hello_of("good", 1));
  const auto own = evil.receive<Welcome>();
  ASSERT_TRUE(own);
  EXPECT_NE(own->session, welcome->session);
  // Speaking for the other session ends the connection and nothing else.
  evil.send(Bye{welcome->session});
  EXPECT_TRUE(cluster.waits_for(cluster.coordinator(), "refused, foreign_session: key evil"));
  EXPECT_TRUE(cluster.waits_for(cluster.coordinator(), "is gone: its connection closed"));

  good.send(hello_of("good", 1));
  const auto again = good.receive<Welcome>();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->session, welcome->session);
  EXPECT_EQ(count_of(cluster.coordinator().err_so_far(), "refused, damaged_message"), 1);
}

// ---- changing the list while it runs ------------------------------------------------------------

TEST(Keys, ARevokedWorkersRangesAreDoneByAnotherWithTheSameBytes) {
  KeyedCluster cluster;
  for (const char* name : {"pose-a", "pose-b", "render"}) cluster.allow(name);
  const auto render = cluster.start_worker({.key = "render"});
  auto first = cluster.start_worker({.program = "posefleet-pose-worker", .key = "pose-a"});
  EXPECT_TRUE(cluster.waits_for(cluster.coordinator(), "key pose-a)"));
  const JobId job = cluster.submit(4);
  ASSERT_TRUE(eventually([&] { return files_starting_with(cluster / "data", "results-") > 0; }));
  // Held still, so that it holds ranges when its key goes.
  first->send(SIGSTOP);
  cluster.revoke("pose-a");
  EXPECT_TRUE(cluster.waits_for(cluster.coordinator(), "its key pose-a was revoked"));
  ASSERT_FALSE(is_final(cluster.status(job).state));
  first->send(SIGCONT);
  EXPECT_TRUE(cluster.waits_for(*first, "key not allowed"));
  const auto second = cluster.start_worker({.program = "posefleet-pose-worker", .key = "pose-b"});
  const std::string revoked = cluster.wait_for_output(job);
  EXPECT_EQ(count_of(cluster.coordinator().err_so_far(), "key pose-a)"), 1);

  // Allowed again it takes part again, with its model still loaded.
  fs::remove(cluster / "allowed/pose-b.pub");
  cluster.allow("pose-a");
  EXPECT_TRUE(eventually([&] {
    return count_of(cluster.coordinator().err_so_far(), "key pose-a)") == 2;
  })) << cluster.coordinator().err_so_far();

  // What the clip becomes when nothing happens, by `posefleet run`, which has no keys.
  const Ended plain =
      run("posefleet", {"run", cluster.clip().string(), "-o", (cluster / "plain.mp4").string(),
                        "--model", (cluster / "model").string(), "--work-dir",
                        (cluster / "work").string(), "--range-frames", "5", "--json"});
  ASSERT_EQ(plain.exit_code, 0) << plain.err;
  EXPECT_EQ(nlohmann::json::parse(plain.out).at("output_sha256"), revoked);
}

// ---- wrong configurations -----------------------------------------------------------------------

TEST(Keys, AConfigurationThatIsOpenToAnybodyOrHalfIsRefused) {
  TempDir folder;
  make_key(folder / "keys", "w");
  const std::string key = (folder / "keys/w.key").string();
  const std::string own = (folder / "keys/coordinator.key").string();
  const std::string pub = (folder / "keys/coordinator.pub").string();
  const std::string data = "data_dir: " + (folder / "data").string() + "\n";
  const struct {
    const char* name;
    const char* program;
    std::string config;
    const char* message;
  } cases[] = {
      {"a port for all", "posefleet-coordinator", data + "workers: {listen: 'tcp://0.0.0.0:5'}\n",
       "without workers.key and workers.allowed"},
      {"clients are never remote", "posefleet-coordinator",
       data + "clients: {listen: 'tcp://0.0.0.0:5'}\n", "clients.listen is tcp://0.0.0.0:5"},
      {"no list", "posefleet-coordinator", data + "workers: {key: " + own + "}\n",
       "without workers.allowed"},
      {"no key", "posefleet-coordinator", data + "workers: {allowed: " + own + "}\n",
       "without workers.key"},
      {"a public key for a secret one", "posefleet-coordinator",
       data + "workers: {key: " + pub + ", allowed: " + (folder / "keys").string() + "}\n",
       "can be used by every user"},
      {"a secret for the list", "posefleet-coordinator",
       data + "workers: {key: " + own + ", allowed: " + own + "}\n", "holds a secret key"},
      {"half a worker", "posefleet-render-worker", "model: /x\nkey: " + key + "\n",
       "without coordinator_key"},
      {"the other half", "posefleet-render-worker", "model: /x\ncoordinator_key: " + pub + "\n",
       "without key"},
      {"a secret for a public key", "posefleet-render-worker",
       "model: /x\nkey: " + key + "\ncoordinator_key: " + own + "\n", "holds a secret key"},
      {"far away without keys", "posefleet-render-worker",
       "model: /x\ncoordinator: tcp://10.0.0.1:5\n", "without key and coordinator_key"},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.name);
    write_file(folder / "config.yaml", one.config);
    const Ended ended = run(one.program, {"--config", (folder / "config.yaml").string()});
    EXPECT_NE(ended.exit_code, 0);
    EXPECT_NE(ended.err.find(one.message), std::string::npos) << ended.err;
  }
}

}  // namespace
}  // namespace posefleet::tests

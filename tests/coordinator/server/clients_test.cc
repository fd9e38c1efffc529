// The whole server with its real sockets, and clients that come and go.
#include "coordinator/server/clients.h"

#include <thread>

#include <gtest/gtest.h>

#include "common/net/socket.h"
#include "common/process/wake.h"
#include "common/wire/codec.h"
#include "coordinator/server/server.h"
#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

using namespace std::chrono_literals;

// An answer by a connection of its own; false when there is none within half a minute.
bool is_answered(const std::string& endpoint) {
  NetContext context;
  auto socket = DealerSocket::connect(context, endpoint);
  if (!socket) return false;
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  bool is_sent = false;
  while (std::chrono::steady_clock::now() < deadline) {
    if (!is_sent) is_sent = (*socket)->send(encode(ClientRequest{ListWorkers{}})).has_value();
    std::vector<PollItem> items = {{.socket = (*socket)->handle()}};
    poll_readable(items, 1ms);
    const auto reply = (*socket)->receive();
    if (!reply) continue;
    const auto decoded = decode_client_reply(*reply);
    return decoded && std::holds_alternative<WorkerList>(*decoded);
  }
  return false;
}

// A desk with one job that has just succeeded, and a client before it.
struct Desk {
  TempDir folder;
  std::unique_ptr<Store> store = std::move(*Store::open(folder.path()));
  Jobs jobs{folder / "jobs"};
  Postponed postponed;
  core::Coordinator rules{{}, 1, 1};
  NetContext context;
  ClientDesk desk{rules, *store, jobs, postponed, 10, [](core::Commands) {}};
  std::unique_ptr<DealerSocket> client;
  core::JobRecord job;

  Desk() {
    EXPECT_TRUE(desk.listen(context, "ipc://" + (folder / "clients").string()));
    client = std::move(*DealerSocket::connect(context, desk.endpoint()));
    job.id = JobId{1};
    jobs.add(job.id, {});
    rules.on_job_submitted(job, 1s);
    rules.on_probed(job.id, {}, {}, 1s);
    rules.on_assembled(job.id, "{}", {}, 1s);
    job = *rules.find_job(job.id);
  }

  std::optional<JobState> state() {
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    bool is_sent = false;
    while (std::chrono::steady_clock::now() < deadline) {
      if (!is_sent) is_sent = client->send(encode(ClientRequest{GetStatus{job.id}})).has_value();
      std::vector<PollItem> items = {{.socket = desk.handle()}, {.socket = client->handle()}};
      poll_readable(items, 1ms);
      desk.answer_some(1);
      const auto reply = client->receive();
      if (!reply) continue;
      const auto decoded = decode_client_reply(*reply);
      if (!decoded || !std::holds_alternative<JobStatus>(*decoded)) return std::nullopt;
      return std::get<JobStatus>(*decoded).state;
    }
    return std::nullopt;
  }
};

TEST(Clients, HearOfAnEndOnceItIsStored) {
  Desk desk;
  ASSERT_EQ(desk.job.state, JobState::Succeeded);
  desk.postponed.add(core::PersistJob{desk.job}, 1s);
  EXPECT_EQ(desk.state(), JobState::Assembling);
  desk.postponed.forget_row(desk.job.id);
  EXPECT_EQ(desk.state(), JobState::Succeeded);
}

// Its files are removed after a while, and the warning that says so may have to wait for room.
TEST(Clients, AnEndThatWasToldStaysToldWhileAWarningWaitsForTheDisk) {
  Desk desk;
  desk.jobs.release(desk.job.id, true);
  const auto commands = desk.rules.on_files_removed(desk.job.id, "too old");
  ASSERT_EQ(commands.size(), 1u);
  desk.postponed.add(std::get<core::PersistJob>(commands[0]), 1s);
  ASSERT_TRUE(desk.postponed.has_row(desk.job.id));
  EXPECT_EQ(desk.state(), JobState::Succeeded);
}

TEST(Clients, MayComeAndGoAsOftenAsTheyLike) {
  TempDir folder;
  ServerConfig config;
  config.data_dir = folder / "data";
  config.worker_endpoint = "ipc://" + (folder / "workers").string();
  config.client_endpoint = "ipc://" + (folder / "clients").string();
  auto server = Server::start(config);
  ASSERT_TRUE(server) << server.error().message;
  WakeEvent stop;
  std::jthread thread([&] { EXPECT_TRUE((*server)->run(stop.fd())); });
  // Each leaves three events behind; at some two thousand that nobody takes everything stops.
  bool all = true;
  for (int i = 0; i < 800 && all; ++i) all = is_answered(config.client_endpoint);
  EXPECT_TRUE(all);
  stop.wake();
}

}  // namespace
}  // namespace posefleet::tests

// The whole server with its real sockets, and clients that come and go.
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

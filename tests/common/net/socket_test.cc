// Real sockets on this machine, on ports that the system chooses; every wait ends with the event it
// waits for, within a limit.
#include "common/net/socket.h"

#include <gtest/gtest.h>

#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kBytesMax = 100'000;

// Polls `socket` and calls `take` until that is true, for at most ten seconds.
template <typename Take>
bool eventually(void* socket, Take&& take) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!take()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::vector<PollItem> items = {{.socket = socket}};
    poll_readable(items, 20ms);
  }
  return true;
}

struct Pair {
  explicit Pair(const std::string& endpoint) {
    auto bound = RouterSocket::bind(context, endpoint, kBytesMax);
    EXPECT_TRUE(bound) << bound.error().message;
    router = std::move(*bound);
    dealer = connect();
  }
  std::unique_ptr<DealerSocket> connect() {
    auto connected = DealerSocket::connect(context, router->endpoint());
    EXPECT_TRUE(connected) << connected.error().message;
    return std::move(*connected);
  }
  // Sends by `from` until it has a connection, then receives.
  std::optional<PeerMessage> to_router(DealerSocket& from, const std::string& bytes) {
    std::optional<PeerMessage> message;
    EXPECT_TRUE(eventually(from.handle(), [&] { return from.send(bytes).has_value(); }));
    eventually(router->handle(), [&] { return (message = router->receive()).has_value(); });
    return message;
  }

  NetContext context;
  std::unique_ptr<RouterSocket> router;
  std::unique_ptr<DealerSocket> dealer;
};

TEST(Sockets, MessagesGoBothWays) {
  TempDir folder;
  for (const std::string& endpoint :
       {"ipc://" + (folder / "socket").string(), std::string("tcp://127.0.0.1:*")}) {
    SCOPED_TRACE(endpoint);
    Pair pair(endpoint);
    const auto message = pair.to_router(*pair.dealer, std::string("a\0b", 3));
    ASSERT_TRUE(message);
    EXPECT_EQ(message->bytes, std::string("a\0b", 3));
    EXPECT_GE(message->connection, 0);
    ASSERT_TRUE(pair.router->send(message->peer, "answer"));
    std::optional<std::string> answer;
    ASSERT_TRUE(eventually(pair.dealer->handle(),
                           [&] { return (answer = pair.dealer->receive()).has_value(); }));
    EXPECT_EQ(*answer, "answer");
    EXPECT_FALSE(pair.router->receive());
  }
}

TEST(Sockets, EachDealerHasItsOwnName) {
  Pair pair("tcp://127.0.0.1:*");
  const auto other = pair.connect();
  const auto first = pair.to_router(*pair.dealer, "1");
  const auto second = pair.to_router(*other, "2");
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->peer, second->peer);
  EXPECT_NE(first->connection, second->connection);
}

TEST(Sockets, SendingToAnUnknownPeerSaysDisconnected) {
  Pair pair("tcp://127.0.0.1:*");
  const Status sent = pair.router->send("nobody", "hello");
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, ErrorCode::Disconnected);
}

TEST(Sockets, AClosedConnectionIsReportedOnce) {
  TempDir folder;
  for (const std::string& endpoint :
       {"ipc://" + (folder / "socket").string(), std::string("tcp://127.0.0.1:*")}) {
    SCOPED_TRACE(endpoint);
    Pair pair(endpoint);
    const auto message = pair.to_router(*pair.dealer, "hello");
    ASSERT_TRUE(message);
    EXPECT_TRUE(pair.router->take_events().closed.empty());
    pair.dealer.reset();
    std::vector<int> closed;
    ASSERT_TRUE(eventually(pair.router->monitor_handle(), [&] {
      closed = pair.router->take_events().closed;
      return !closed.empty();
    }));
    EXPECT_EQ(closed, (std::vector<int>{message->connection}));
    EXPECT_TRUE(eventually(pair.router->handle(), [&] {
      const Status sent = pair.router->send(message->peer, "late");
      return !sent && sent.error().code == ErrorCode::Disconnected;
    }));
  }
}

TEST(Sockets, AMessageAboveTheLimitClosesItsConnectionAndHurtsNobodyElse) {
  Pair pair("tcp://127.0.0.1:*");
  const auto good = pair.connect();
  ASSERT_TRUE(pair.to_router(*good, "before"));
  const auto first = pair.to_router(*pair.dealer, std::string(kBytesMax, 'x'));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->bytes.size(), kBytesMax);
  ASSERT_TRUE(pair.dealer->send(std::string(kBytesMax + 1, 'x')));
  std::vector<int> closed;
  ASSERT_TRUE(eventually(pair.router->monitor_handle(), [&] {
    closed = pair.router->take_events().closed;
    return !closed.empty();
  }));
  EXPECT_EQ(closed, (std::vector<int>{first->connection}));
  const auto after = pair.to_router(*good, "after");
  ASSERT_TRUE(after);
  EXPECT_EQ(after->bytes, "after");
}

TEST(Sockets, ADealerWithoutAConnectionSaysOverloadedAndQueuesNothing) {
  TempDir folder;
  NetContext context;
  auto dealer = DealerSocket::connect(context, "ipc://" + (folder / "nobody").string());
  ASSERT_TRUE(dealer);
  const Status sent = (*dealer)->send("hello");
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, ErrorCode::Overloaded);
}

TEST(Sockets, AStuckPeerIsOverloadedAfterABoundedNumberOfMessages) {
  TempDir folder;
  Pair pair("ipc://" + (folder / "socket").string());
  const auto message = pair.to_router(*pair.dealer, "hello");
  ASSERT_TRUE(message);
  // The peer never receives; both pipes and the kernel's buffers fill up.
  const std::string bytes(50'000, 'x');
  int sent = 0;
  Status status = done();
  while (sent < 5000 && (status = pair.router->send(message->peer, bytes))) ++sent;
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::Overloaded);
}

TEST(Sockets, AnEndpointThatCannotBeUsedIsNamed) {
  NetContext context;
  const auto bound = RouterSocket::bind(context, "tcp://999.0.0.1:1", kBytesMax);
  ASSERT_FALSE(bound);
  EXPECT_NE(bound.error().message.find("cannot listen on tcp://999.0.0.1:1"), std::string::npos);
  EXPECT_FALSE(DealerSocket::connect(context, "nonsense"));
}

TEST(Sockets, OnlyThisMachineIsLocal) {
  struct Case {
    const char* endpoint;
    bool is_local;
  };
  for (const Case& one : {
           Case{"ipc:///tmp/x", true},
           Case{"tcp://127.0.0.1:5555", true},
           Case{"tcp://127.8.8.8:*", true},
           Case{"tcp://[::1]:5555", true},
           Case{"tcp://[::ffff:127.0.0.1]:5555", true},
           Case{"tcp://[::ffff:10.0.0.1]:5555", false},
           Case{"tcp://[::ffff:]:5555", false},
           Case{"tcp://localhost:5555", true},
           Case{"tcp://0.0.0.0:5555", false},
           Case{"tcp://*:5555", false},
           Case{"tcp://10.0.0.1:5555", false},
           Case{"tcp://127.example.org:5555", false},
           Case{"tcp://localhost.example.org:5555", false},
           Case{"tcp://[::]:5555", false},
           Case{"udp://127.0.0.1:5555", false},
           Case{"", false},
       }) {
    EXPECT_EQ(is_local_endpoint(one.endpoint), one.is_local) << one.endpoint;
  }
}

}  // namespace
}  // namespace posefleet::tests

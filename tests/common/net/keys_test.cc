// Sockets with keys, real ones: who comes in, who does not, and what both sides are told.
#include <map>
#include <set>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/net/zap.h"
#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kBytesMax = 100'000;

// A server with one allowed key, pumped by whoever waits for something.
class Server final {
 public:
  enum class Keys { With, Without };

  explicit Server(const std::string& endpoint = "tcp://127.0.0.1:*", Keys keys = Keys::With) {
    door = std::move(*ZapDoor::open(context));
    const ServerKeys server{own, *door};
    auto bound =
        RouterSocket::bind(context, endpoint, kBytesMax, keys == Keys::With ? &server : nullptr);
    EXPECT_TRUE(bound) << bound.error().message;
    router = std::move(*bound);
  }

  std::unique_ptr<DealerSocket> connect(const std::optional<ClientKeys>& keys) {
    auto dealer = DealerSocket::connect(context, router->endpoint(), keys ? &*keys : nullptr);
    EXPECT_TRUE(dealer) << dealer.error().message;
    return std::move(*dealer);
  }

  // Pumps door, messages and events until `is_true`, for at most ten seconds.
  template <typename IsTrue>
  bool until(IsTrue&& is_true) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!is_true()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::vector<PollItem> items = {{.socket = door->handle()},
                                     {.socket = router->handle()},
                                     {.socket = router->monitor_handle()}};
      poll_readable(items, 10ms);
      door->answer([&](const PublicKey& key, std::string_view) { return key == allowed; });
      while (auto message = router->receive()) messages.push_back(std::move(*message));
      RouterEvents events = router->take_events();
      for (const HandshakeFailure failure : events.failures) ++failures[failure];
      closed.insert(closed.end(), events.closed.begin(), events.closed.end());
    }
    return true;
  }

  NetContext context;
  std::unique_ptr<ZapDoor> door;  // outlives the router
  SecretKey own = SecretKey::make();
  SecretKey worker = SecretKey::make();
  PublicKey allowed = worker.public_key();
  std::unique_ptr<RouterSocket> router;
  std::vector<PeerMessage> messages;
  std::map<HandshakeFailure, int> failures;
  std::vector<int> closed;
};

TEST(Keys, TheRightKeyIsLetInAndNamedOnItsMessages) {
  TempDir folder;
  for (const std::string& endpoint :
       {"ipc://" + (folder / "socket").string(), std::string("tcp://127.0.0.1:*")}) {
    SCOPED_TRACE(endpoint);
    Server server(endpoint);
    const auto dealer = server.connect(ClientKeys{server.worker, server.own.public_key()});
    ASSERT_TRUE(server.until([&] { return dealer->send("hello").has_value(); }));
    ASSERT_TRUE(server.until([&] { return !server.messages.empty(); }));
    EXPECT_EQ(server.messages[0].bytes, "hello");
    EXPECT_EQ(server.messages[0].key, server.allowed.text());
    EXPECT_TRUE(server.router->send(server.messages[0].peer, "answer"));
    std::optional<std::string> answer;
    ASSERT_TRUE(server.until([&] { return (answer = dealer->receive()).has_value(); }));
    EXPECT_EQ(*answer, "answer");
    EXPECT_TRUE(server.failures.empty());
  }
}

TEST(Keys, WhoDoesNotComeInIsToldWhyOnBothSides) {
  const SecretKey stranger = SecretKey::make();
  const auto cases = [&](const Server& server) {
    struct Case {
      const char* name;
      std::optional<ClientKeys> keys;
      HandshakeFailure at_server, at_client;
    };
    return std::vector<Case>{
        {"a key that is not on the list", ClientKeys{stranger, server.own.public_key()},
         HandshakeFailure::KeyNotAllowed, HandshakeFailure::KeyNotAllowed},
        {"another server is expected", ClientKeys{server.worker, stranger.public_key()},
         HandshakeFailure::WrongServerKey, HandshakeFailure::BrokenOff},
        {"no key", std::nullopt, HandshakeFailure::KeysOnOneSide, HandshakeFailure::KeysOnOneSide},
    };
  };
  for (std::size_t i = 0; i < 3; ++i) {
    Server server;
    const auto one = cases(server)[i];
    SCOPED_TRACE(one.name);
    auto dealer = server.connect(one.keys);
    std::set<HandshakeFailure> at_client;
    // Which side ends a handshake first is chance; the other one may only see that it ended.
    ASSERT_TRUE(server.until([&] {
      if (const auto failure = dealer->take_events().failure) {
        at_client.insert(*failure);
        dealer = server.connect(one.keys);
      }
      return at_client.contains(one.at_client) && server.failures.contains(one.at_server);
    }));
    at_client.erase(HandshakeFailure::BrokenOff);
    at_client.erase(one.at_client);
    EXPECT_TRUE(at_client.empty());
    server.failures.erase(HandshakeFailure::BrokenOff);
    EXPECT_EQ(server.failures.size(), 1u);
    EXPECT_FALSE(dealer->send("hello"));
    EXPECT_TRUE(server.messages.empty());
  }
}

TEST(Keys, APeerWithKeysDoesNotTalkToASocketWithout) {
  Server server("tcp://127.0.0.1:*", Server::Keys::Without);
  const ClientKeys keys{server.worker, server.own.public_key()};
  auto dealer = server.connect(keys);
  bool is_told = false;
  ASSERT_TRUE(server.until([&] {
    if (const auto failure = dealer->take_events().failure) {
      is_told |= *failure == HandshakeFailure::KeysOnOneSide;
      dealer = server.connect(keys);
    }
    return is_told && server.failures.contains(HandshakeFailure::KeysOnOneSide);
  }));
  EXPECT_TRUE(server.messages.empty());
}

int connect_plainly(const std::string& endpoint) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port =
      htons(static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}

TEST(Keys, ForeignPeersAreCountedAndHurtNobody) {
  Server server;
  const auto dealer = server.connect(ClientKeys{server.worker, server.own.public_key()});
  ASSERT_TRUE(server.until([&] { return dealer->send("before").has_value(); }));
  ASSERT_TRUE(server.until([&] { return server.messages.size() == 1; }));
  const std::string greeting = std::string("\xff\0\0\0\0\0\0\0\x01\x7f\x03\0", 12);
  int expected = 0;
  for (const auto& [name, bytes] :
       {std::pair<const char*, std::string>{"HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"},
        {"noise", std::string(5000, '\xa5')},
        {"zeros", std::string(5000, '\0')},
        {"a ZeroMQ greeting, then noise", greeting + "CURVE" + std::string(5000, '\x5a')},
        {"a look and away", ""}}) {
    SCOPED_TRACE(name);
    const int fd = connect_plainly(server.router->endpoint());
    EXPECT_EQ(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    shutdown(fd, SHUT_WR);
    ++expected;
    EXPECT_TRUE(server.until([&] {
      int counted = 0;
      for (const auto& [failure, count] : server.failures) counted += count;
      return counted == expected;
    }));
    close(fd);
  }
  EXPECT_GT(server.failures[HandshakeFailure::NotOurProtocol], 0);
  EXPECT_TRUE(server.closed.empty());
  ASSERT_TRUE(dealer->send("after"));
  ASSERT_TRUE(server.until([&] { return server.messages.size() == 2; }));
  EXPECT_EQ(server.messages[1].bytes, "after");
}

TEST(Keys, AConnectionIsEndedAndAKeyThatIsNotAllowedAnyMoreDoesNotComeBack) {
  TempDir folder;
  for (const std::string& endpoint :
       {"ipc://" + (folder / "socket").string(), std::string("tcp://127.0.0.1:*")}) {
    SCOPED_TRACE(endpoint);
    Server server(endpoint);
    const auto dealer = server.connect(ClientKeys{server.worker, server.own.public_key()});
    ASSERT_TRUE(server.until([&] { return dealer->send("hello").has_value(); }));
    ASSERT_TRUE(server.until([&] { return !server.messages.empty(); }));
    server.allowed = SecretKey::make().public_key();
    const int connection = server.messages[0].connection;
    server.router->close_connection(connection);
    std::optional<HandshakeFailure> at_client;
    ASSERT_TRUE(server.until([&] {
      if (const auto failure = dealer->take_events().failure) at_client = failure;
      return at_client && !server.failures.empty() && !server.closed.empty();
    }));
    EXPECT_EQ(server.closed, (std::vector<int>{connection}));
    EXPECT_EQ(*at_client, HandshakeFailure::KeyNotAllowed);
    EXPECT_FALSE(dealer->send("again"));
    // What is closed already is nobody's to close.
    server.router->close_connection(connection);
  }
}

TEST(Keys, AKeyHasOneSpelling) {
  const SecretKey secret = SecretKey::make();
  const std::string text = secret.public_key().text();
  ASSERT_EQ(text.size(), kKeyCharacters);
  EXPECT_EQ(*PublicKey::parse(text), secret.public_key());
  EXPECT_EQ(SecretKey::parse(secret.reveal())->public_key(), secret.public_key());
  for (const std::string& bad :
       {std::string(), text.substr(1), text + "a", text.substr(0, 39) + " ",
        text.substr(0, 39) + "\"", std::string(40, '\0'), std::string(40, '#'),
        text.substr(0, 39) + "\xc3"}) {
    SCOPED_TRACE(bad);
    EXPECT_FALSE(PublicKey::parse(bad));
    const auto parsed = SecretKey::parse(bad);
    ASSERT_FALSE(parsed);
    EXPECT_TRUE(bad.empty() || parsed.error().message.find(bad) == std::string::npos);
  }
}

}  // namespace
}  // namespace posefleet::tests

// The server, by sockets that send exactly the bytes that a test wants: good, bad, or none at all.
#include "common/http/server.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

using namespace std::chrono_literals;

// One connection. Reading ends the wait after 30 s, which no test reaches.
class Client final {
 public:
  explicit Client(const ListenAddress& address) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(address.port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit{30, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    EXPECT_EQ(connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  }
  ~Client() { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(const std::string& bytes) {
    [[maybe_unused]] const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  // Until the other side ends it.
  std::string read_to_end() {
    while (read_more()) {
    }
    return std::exchange(have_, {});
  }
  std::string read_exactly(std::size_t size) {
    while (have_.size() < size && read_more()) {
    }
    const std::string bytes = have_.substr(0, size);
    have_.erase(0, bytes.size());
    return bytes;
  }
  // Up to and with the empty line.
  std::string read_head() {
    while (have_.find("\r\n\r\n") == std::string::npos && read_more()) {
    }
    return read_exactly(have_.find("\r\n\r\n") + 4);
  }

 private:
  bool read_more() {
    char bytes[65536];
    const ssize_t got = recv(fd_, bytes, sizeof bytes, 0);
    if (got > 0) have_.append(bytes, static_cast<std::size_t>(got));
    return got > 0;
  }

  int fd_;
  std::string have_;
};

// Serves one file at /file, and says "hello" at /hello.
class Site final {
 public:
  // `size`: the file is filled up to it with zeros that take no disk.
  explicit Site(const std::string& bytes, HttpOptions options = {}, std::size_t size = 0) {
    write_file(path(), bytes);
    if (size > 0) std::filesystem::resize_file(path(), size);
    options.listen = *parse_listen_address("127.0.0.1:0");
    stamp_ = OpenFile::open(path())->stamp();
    auto server = HttpServer::start(options, [this](const HttpRequest& request) {
      if (request.path == "/hello") return HttpAnswer{.body = "hello\n"};
      if (request.path != "/file") return HttpAnswer{.status = 404, .body = "nothing\n"};
      return HttpAnswer{.file = HttpFile{*OpenFile::open(path()), stamp_, "\"tag\""}};
    });
    EXPECT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }
  std::filesystem::path path() const { return folder_ / "file"; }
  const ListenAddress& address() const { return server_->address(); }

 private:
  TempDir folder_;
  FileStamp stamp_;
  std::unique_ptr<HttpServer> server_;
};

std::string get(const std::string& path, const std::string& headers = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n";
}
// One question on a connection of its own.
std::string ask(const Site& site, const std::string& request) {
  Client client(site.address());
  client.send(request);
  return client.read_to_end();
}
std::string body_of(const std::string& answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "(no head)" : answer.substr(end + 4);
}
std::string status_of(const std::string& answer) {
  return answer.substr(0, answer.find("\r\n")).substr(0, 12);
}
constexpr const char* kClose = "Connection: close\r\n";

// Larger than what sockets on this machine buffer; sparse, so it costs no disk.
constexpr std::size_t kLarge = 64 << 20;

TEST(HttpServer, SendsAFileWholeOrTheRangeThatIsAskedFor) {
  const std::string bytes = "0123456789";
  const Site site(bytes);
  struct Case {
    const char* name;
    std::string headers;
    const char* status;
    const char* content_range;
    const char* body;
  };
  for (const Case& one : {
           Case{"whole", "", "HTTP/1.1 200", "", "0123456789"},
           Case{"first", "Range: bytes=0-3\r\n", "HTTP/1.1 206", "bytes 0-3/10", "0123"},
           Case{"rest", "Range: bytes=7-\r\n", "HTTP/1.1 206", "bytes 7-9/10", "789"},
           Case{"last", "Range: bytes=-2\r\n", "HTTP/1.1 206", "bytes 8-9/10", "89"},
           Case{"cut", "Range: bytes=8-99\r\n", "HTTP/1.1 206", "bytes 8-9/10", "89"},
           Case{"if it is the same", "Range: bytes=0-3\r\nIf-Range: \"tag\"\r\n", "HTTP/1.1 206",
                "bytes 0-3/10", "0123"},
           Case{"if not, all of it", "Range: bytes=0-3\r\nIf-Range: \"old\"\r\n", "HTTP/1.1 200",
                "", "0123456789"},
           Case{"behind the end", "Range: bytes=10-\r\n", "HTTP/1.1 416", "bytes */10",
                "one range of bytes that lies in the file\n"},
           Case{"several", "Range: bytes=0-1,3-4\r\n", "HTTP/1.1 416", "bytes */10",
                "one range of bytes that lies in the file\n"},
           Case{"twice", "Range: bytes=0-1\r\nRange: bytes=0-1\r\n", "HTTP/1.1 416", "bytes */10",
                "one range of bytes that lies in the file\n"},
           Case{"nonsense", "Range: all\r\n", "HTTP/1.1 416", "bytes */10",
                "one range of bytes that lies in the file\n"},
       }) {
    SCOPED_TRACE(one.name);
    const std::string answer = ask(site, get("/file", one.headers + kClose));
    EXPECT_EQ(status_of(answer), one.status);
    EXPECT_EQ(body_of(answer), one.body);
    const bool has_range = answer.find("Content-Range: ") != std::string::npos;
    EXPECT_EQ(has_range, *one.content_range != '\0');
    if (has_range) {
      EXPECT_NE(answer.find(one.content_range), std::string::npos) << answer;
    }
    EXPECT_NE(answer.find("Content-Length: " + std::to_string(body_of(answer).size()) + "\r\n"),
              std::string::npos)
        << answer;
  }
}

TEST(HttpServer, AnswersHeadWithTheSameHeadAndNothingElse) {
  const Site site("0123456789");
  const std::string whole = ask(site, get("/file", kClose));
  const std::string head = ask(site, "HEAD" + get("/file", kClose).substr(3));
  EXPECT_EQ(head, whole.substr(0, whole.size() - 10));
  EXPECT_NE(head.find("Accept-Ranges: bytes\r\n"), std::string::npos);
  EXPECT_NE(head.find("ETag: \"tag\"\r\n"), std::string::npos);
}

TEST(HttpServer, AnswersRequestAfterRequestOnOneConnection) {
  const Site site("0123456789");
  Client client(site.address());
  client.send(get("/file", "Range: bytes=0-1\r\n") + get("/nothing") + get("/hello?x=../y"));
  EXPECT_EQ(status_of(client.read_head()), "HTTP/1.1 206");
  EXPECT_EQ(client.read_exactly(2), "01");
  EXPECT_EQ(status_of(client.read_head()), "HTTP/1.1 404");
  EXPECT_EQ(client.read_exactly(8), "nothing\n");
  EXPECT_EQ(status_of(client.read_head()), "HTTP/1.1 200");
  EXPECT_EQ(client.read_exactly(6), "hello\n");
  client.send("HEAD /file HTTP/1.0\r\n\r\n");
  EXPECT_EQ(status_of(client.read_to_end()), "HTTP/1.1 200");  // and ends: HTTP/1.0
}

TEST(HttpServer, SendsALargeFileExactly) {
  std::string bytes(3'000'017, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>((i * 7919) >> 8);
  const Site site(bytes);
  EXPECT_TRUE(body_of(ask(site, get("/file", kClose))) == bytes);
  EXPECT_TRUE(body_of(ask(site, get("/file", std::string("Range: bytes=131071-2999999\r\n") +
                                                 kClose))) == bytes.substr(131071, 2868929));
}

TEST(HttpServer, RefusesWhatIsNoRequestOfItsKindAndLivesOn) {
  const Site site("x");
  struct Case {
    const char* name;
    std::string bytes;
    const char* status;
  };
  const std::string nul("GET /\0 HTTP/1.1\r\n\r\n", 19);
  for (const Case& one : {
           Case{"POST", "POST /file HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 405"},
           Case{"DELETE", "DELETE /file HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 405"},
           Case{"CONNECT", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 405"},
           Case{"no such method", "BREW /file HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 405"},
           Case{"a body", get("/file", "Content-Length: 5\r\n") + "12345", "HTTP/1.1 413"},
           Case{"a huge body", get("/file", "Content-Length: 99999999999\r\n"), "HTTP/1.1 413"},
           Case{"chunks", get("/file", "Transfer-Encoding: chunked\r\n") + "5\r\n", "HTTP/1.1 413"},
           Case{"two lengths", get("/file", "Content-Length: 1\r\nContent-Length: 2\r\n"),
                "HTTP/1.1 400"},
           Case{"a length that is none", get("/file", "Content-Length: -1\r\n"), "HTTP/1.1 400"},
           Case{"a long target", get("/" + std::string(20'000, 'a')), "HTTP/1.1 431"},
           Case{"a long header", get("/file", "X: " + std::string(20'000, 'a') + "\r\n"),
                "HTTP/1.1 431"},
           Case{"a header without an end", "GET /file HTTP/1.1\r\nX: " + std::string(1 << 20, 'a'),
                "HTTP/1.1 431"},
           Case{"many headers",
                [] {
                  std::string many;
                  for (int i = 0; i < 5000; ++i) many += "A: b\r\n";
                  return get("/file", many);
                }(),
                "HTTP/1.1 431"},
           Case{"garbage", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n",
                "HTTP/1.1 400"},
           Case{"a zero byte", nul, "HTTP/1.1 400"},
           Case{"no version", "GET /file\r\n\r\n", "HTTP/1.1 400"},
           Case{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 400"},
           Case{"a header without a colon", get("/file", "what\r\n"), "HTTP/1.1 400"},
       }) {
    SCOPED_TRACE(one.name);
    EXPECT_EQ(status_of(ask(site, one.bytes)), one.status);
  }
  EXPECT_EQ(body_of(ask(site, get("/file", kClose))), "x");
}

TEST(HttpServer, EndsConnectionsThatAskForNothing) {
  const Site site("x", {.head_time_max = 200ms});
  for (const char* sent : {"", "G", "GET /file HTTP/1.1\r\nHost:"}) {
    SCOPED_TRACE(sent);
    Client client(site.address());
    client.send(sent);
    EXPECT_EQ(client.read_to_end(), "");
  }
  // Also one that has asked before.
  Client client(site.address());
  client.send(get("/hello"));
  EXPECT_EQ(body_of(client.read_to_end()), "hello\n");
}

TEST(HttpServer, AnswersTwoHundredAtOnce) {
  const Site site("x");
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(std::make_unique<Client>(site.address()));
  for (const auto& client : clients) client->send(get("/file", kClose));
  for (const auto& client : clients) EXPECT_EQ(body_of(client->read_to_end()), "x");
}

TEST(HttpServer, HalfOpenConnectionsKeepNobodyOut) {
  const Site site("x", {.connections_max = 16});
  std::vector<std::unique_ptr<Client>> half_open;
  for (int i = 0; i < 200; ++i) {
    half_open.push_back(std::make_unique<Client>(site.address()));
    half_open.back()->send("GET /file HT");
  }
  EXPECT_EQ(body_of(ask(site, get("/file", kClose))), "x");
  EXPECT_EQ(half_open.front()->read_to_end(), "");  // it made room
}

TEST(HttpServer, AReaderThatStopsIsGivenUpWhileOthersAreServed) {
  const Site site("", {.head_time_max = 1000ms, .piece_time_max = 300ms}, kLarge);
  Client stuck(site.address());
  stuck.send(get("/file"));
  EXPECT_EQ(status_of(stuck.read_head()), "HTTP/1.1 200");
  // All of it, while the first one stands still.
  EXPECT_EQ(body_of(ask(site, get("/file", kClose))).size(), kLarge);
  EXPECT_EQ(body_of(ask(site, get("/hello", kClose))), "hello\n");
  // Sending those took longer than its time, or this one is the last to wait for it.
  Client late(site.address());
  late.send("GET");
  EXPECT_EQ(late.read_to_end(), "");
  EXPECT_LT(stuck.read_to_end().size(), kLarge);
}

TEST(HttpServer, AFileThatChangesEndsItsConnectionInTheMiddle) {
  const Site site("", {}, kLarge);
  Client client(site.address());
  client.send(get("/file", kClose));
  EXPECT_EQ(status_of(client.read_head()), "HTTP/1.1 200");
  EXPECT_EQ(client.read_exactly(1000).size(), 1000u);
  std::ofstream(site.path(), std::ios::app) << "more";
  EXPECT_LT(client.read_to_end().size(), kLarge - 1000);
}

TEST(HttpServer, SaysThatItIsFullWhenAllAreBeingAnswered) {
  const Site site("", {.connections_max = 2}, kLarge);
  Client first(site.address());
  Client second(site.address());
  for (Client* client : {&first, &second}) {
    client->send(get("/file", kClose));
    EXPECT_EQ(status_of(client->read_head()), "HTTP/1.1 200");
  }
  EXPECT_EQ(status_of(Client(site.address()).read_to_end()), "HTTP/1.1 503");
  EXPECT_EQ(first.read_to_end().size(), kLarge);
  EXPECT_EQ(second.read_to_end().size(), kLarge);
}

TEST(HttpServer, StopsAtOnceWhateverItsConnectionsDo) {
  auto site = std::make_unique<Site>("", HttpOptions{}, kLarge);
  Client idle(site->address());
  Client busy(site->address());
  busy.send(get("/file", kClose));
  EXPECT_EQ(status_of(busy.read_head()), "HTTP/1.1 200");
  site.reset();
  EXPECT_EQ(idle.read_to_end(), "");
  EXPECT_LT(busy.read_to_end().size(), kLarge);
}

TEST(HttpServer, SaysWhyItCannotListen) {
  const Site site("x");
  const auto second = HttpServer::start({.listen = site.address()},
                                        [](const HttpRequest&) { return HttpAnswer{}; });
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("127.0.0.1:" + std::to_string(site.address().port)),
            std::string::npos);
}

}  // namespace
}  // namespace posefleet::tests

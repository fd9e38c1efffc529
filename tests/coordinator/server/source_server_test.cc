// What the source server gives away, and to whom. Asked through the cache that workers use, and by
// hand where the request itself is the point.
#include "coordinator/server/source_server.h"

#include <fstream>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/files/sha256.h"
#include "common/media/frame_table.h"
#include "common/media/source_cache.h"
#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

constexpr JobId kJob{7};

// A data folder, a source beside it, and the server.
class Desk final {
 public:
  Desk() {
    write_file(source_path(), "the source");
    start();
  }
  void start() {
    server_.reset();
    SourceServerConfig config;
    config.listen = *parse_listen_address("127.0.0.1:" + std::to_string(port_));
    std::filesystem::create_directories(folder_ / "data");
    auto server = SourceServer::start(config, folder_ / "data");
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    port_ = static_cast<std::uint16_t>(
        std::stoi(server_->base_url().substr(server_->base_url().rfind(':') + 1)));
  }
  std::filesystem::path source_path() const { return folder_ / "source.mp4"; }
  std::filesystem::path data() const { return folder_ / "data"; }
  SourceServer& server() { return *server_; }
  std::string add(JobId job = kJob) {
    return server_->add(job, *identify_source(source_path()), "5ha");
  }
  // The answer to a target, head and all.
  std::string ask(const std::string& target) const {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port_);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    const std::string request = "GET " + target + " HTTP/1.1\r\nConnection: close\r\n\r\n";
    EXPECT_EQ(send(fd, request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    std::string answer;
    char bytes[4096];
    for (ssize_t got; (got = recv(fd, bytes, sizeof bytes, 0)) > 0;) {
      answer.append(bytes, static_cast<std::size_t>(got));
    }
    close(fd);
    return answer;
  }
  std::string path_of(const std::string& url) const {
    return url.substr(server_->base_url().size());
  }

 private:
  TempDir folder_;
  std::uint16_t port_ = 0;
  std::unique_ptr<SourceServer> server_;
};

TEST(SourceServer, ServesASourceToWhoKnowsItsAddress) {
  Desk desk;
  const std::string url = desk.add();
  EXPECT_EQ(url.substr(0, url.rfind('/')), desk.server().base_url() + "/v1/jobs/7/source");
  EXPECT_EQ(url.size() - url.rfind('/') - 1, 32u);
  const std::string answer = desk.ask(desk.path_of(url));
  EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 200");
  EXPECT_NE(answer.find("ETag: \"5ha\"\r\n"), std::string::npos);
  EXPECT_EQ(answer.substr(answer.find("\r\n\r\n") + 4), "the source");
  SourceCache cache;
  EXPECT_EQ(*cache.read_all({"source.mp4", url, "5ha", 10}, 100), "the source");
}

TEST(SourceServer, GivesAwayNothingElse) {
  Desk desk;
  const std::string path = desk.path_of(desk.add());
  const std::string other = desk.path_of(desk.add(JobId{8}));
  ASSERT_NE(path.substr(path.rfind('/')), other.substr(other.rfind('/')));
  const std::string token = path.substr(path.rfind('/') + 1);
  std::string wrong = path;
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  const std::vector<std::string> targets = {"/",
                                            "/v1/jobs/7/source",
                                            "/v1/jobs/7/source/",
                                            wrong,
                                            path.substr(0, path.size() - 1),
                                            path + "0",
                                            path + "/",
                                            "/" + path,
                                            "/v1/jobs/8/source/" + token,
                                            "/v1/jobs/9/source/" + token,
                                            "/v1/jobs/07/source/x",
                                            "/v1/jobs/-7/source/" + token,
                                            "/v1/jobs//source/" + token,
                                            "/v1/jobs/18446744073709551623/source/" + token,
                                            "/v1/jobs/7/other/" + token,
                                            "/v1/jobs/7/source/../../../../etc/passwd",
                                            "/v1/jobs/7/source/..%2f..%2fetc%2fpasswd",
                                            "/etc/passwd",
                                            "/../../../../etc/passwd",
                                            "/%2e%2e/%2e%2e/etc/passwd",
                                            "http://127.0.0.1/etc/passwd",
                                            desk.source_path().string(),
                                            (desk.data() / "source.secret").string(),
                                            "*"};
  for (const std::string& target : targets) {
    SCOPED_TRACE(target);
    const std::string answer = desk.ask(target);
    EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 404");
    EXPECT_EQ(answer.substr(answer.find("\r\n\r\n") + 4), "there is nothing here\n");
  }
  EXPECT_EQ(desk.ask(path + "?x=y").substr(0, 12), "HTTP/1.1 200");
}

TEST(SourceServer, RefusesASourceThatIsNotWhatWasPlannedWith) {
  struct Case {
    const char* name;
    std::function<void(const std::filesystem::path&)> change;
  };
  for (const Case& one : {
           Case{"longer", [](auto& path) { std::ofstream(path, std::ios::app) << "x"; }},
           Case{"written to",
                [](auto& path) {
                  std::filesystem::last_write_time(
                      path, std::filesystem::last_write_time(path) + std::chrono::seconds(1));
                }},
           Case{"another file of that name, as large and as old",
                [](auto& path) {
                  const auto time = std::filesystem::last_write_time(path);
                  write_file(path.string() + ".new", "ECRUOS EHT");
                  std::filesystem::last_write_time(path.string() + ".new", time);
                  std::filesystem::rename(path.string() + ".new", path);
                }},
           Case{"gone", [](auto& path) { std::filesystem::remove(path); }},
           Case{"a folder",
                [](auto& path) {
                  std::filesystem::remove(path);
                  std::filesystem::create_directory(path);
                }},
       }) {
    SCOPED_TRACE(one.name);
    Desk desk;
    const std::string path = desk.path_of(desk.add());
    one.change(desk.source_path());
    const std::string answer = desk.ask(path);
    EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 410");
    EXPECT_NE(answer.find(desk.source_path().string()), std::string::npos) << answer;
    EXPECT_EQ(answer.find("ECRUOS"), std::string::npos);
  }
}

TEST(SourceServer, StopsServingWhenTheJobIsOver) {
  Desk desk;
  const std::string path = desk.path_of(desk.add());
  desk.server().remove(kJob);
  EXPECT_EQ(desk.ask(path).substr(0, 12), "HTTP/1.1 404");
}

TEST(SourceServer, AddressesOutliveARestart) {
  Desk desk;
  const std::string url = desk.add();
  desk.start();
  EXPECT_EQ(desk.ask(desk.path_of(url)).substr(0, 12), "HTTP/1.1 404");  // not taken up yet
  EXPECT_EQ(desk.add(), url);
  EXPECT_EQ(desk.ask(desk.path_of(url)).substr(0, 12), "HTTP/1.1 200");
}

TEST(SourceServer, KeepsItsSecretToItself) {
  Desk desk;
  const auto mode = std::filesystem::status(desk.data() / "source.secret").permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  Desk other;
  EXPECT_NE(read_file(desk.data() / "source.secret"), read_file(other.data() / "source.secret"));
  write_file(desk.data() / "source.secret", "short");
  const auto refused =
      SourceServer::start({.listen = *parse_listen_address("127.0.0.1:0")}, desk.data());
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("source.secret"), std::string::npos);
}

}  // namespace
}  // namespace posefleet::tests

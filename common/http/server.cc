#include "common/http/server.h"

#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>
#include <pthread.h>

#include "common/http/connection.h"

namespace posefleet {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Code = boost::system::error_code;

// Out of descriptors: some connection will end.
constexpr std::chrono::milliseconds kAcceptAgain{100};

// Small enough for the socket's buffer, so that sending it never waits.
constexpr std::string_view kFull =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\n"
    "Connection: close\r\n\r\n";

}  // namespace

class HttpServer::Impl final {
 public:
  Impl(const HttpOptions& options, HttpHandler handler)
      : shared_{.options = options, .handler = std::move(handler)}, acceptor_(io_), pause_(io_) {}

  ~Impl() { io_.stop(); }

  Status listen() {
    ListenAddress& address = shared_.options.listen;
    Code code = bind(tcp::v6());
    // A machine without IPv6.
    if (code && address.host == "*") code = bind(tcp::v4());
    if (!code) acceptor_.listen(asio::socket_base::max_listen_connections, code);
    if (code) {
      return rejected(
          fmt::format("cannot listen at {}:{}: {}", address.host, address.port, code.message()));
    }
    address.port = acceptor_.local_endpoint(code).port();
    return done();
  }

  void run() {
    accept();
    thread_ = std::jthread([this] {
      pthread_setname_np(pthread_self(), "http");
      io_.run();
    });
  }

  const ListenAddress& address() const { return shared_.options.listen; }

 private:
  Code bind(const tcp& family_of_any) {
    const ListenAddress& address = shared_.options.listen;
    Code code;
    tcp::endpoint endpoint(family_of_any, address.port);
    if (address.host != "*") {
      endpoint.address(asio::ip::make_address(address.host, code));
      if (code) return code;
    }
    acceptor_.close(code);
    acceptor_.open(endpoint.protocol(), code);
    if (code) return code;
    acceptor_.set_option(tcp::acceptor::reuse_address(true), code);
    if (address.host == "*" && endpoint.protocol() == tcp::v6()) {
      acceptor_.set_option(asio::ip::v6_only(false), code);
    }
    acceptor_.bind(endpoint, code);
    return code;
  }

  void accept() {
    acceptor_.async_accept([this](Code code, tcp::socket socket) {
      if (code == asio::error::operation_aborted) return;
      if (code) {
        pause_.expires_after(kAcceptAgain);
        pause_.async_wait([this](Code) { accept(); });
        return;
      }
      admit(std::move(socket));
      accept();
    });
  }

  void admit(tcp::socket socket) {
    if (shared_.connections >= shared_.options.connections_max && !shared_.waiting.empty()) {
      shared_.waiting.front()->close();
      // Its handler has not run yet, so it still counts; the new one takes its place.
    } else if (shared_.connections >= shared_.options.connections_max) {
      Code ignored;
      socket.non_blocking(true, ignored);
      socket.write_some(asio::buffer(kFull), ignored);
      return;
    }
    std::make_shared<http::Connection>(std::move(socket), shared_)->read_head();
  }

  http::Shared shared_;
  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  std::jthread thread_;  // last: it ends before what it uses does
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(const HttpOptions& options,
                                                      HttpHandler handler) {
  auto impl = std::make_unique<Impl>(options, std::move(handler));
  POSEFLEET_TRY_DO(impl->listen());
  impl->run();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

const ListenAddress& HttpServer::address() const {
  return impl_->address();
}

}  // namespace posefleet

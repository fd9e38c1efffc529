// Private to common/http: one connection, from its first byte to its last.
//
// Owned by its own handlers: each holds a shared pointer, and when none is pending any more the
// connection is gone. All on the server's thread.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "common/http/byte_range.h"
#include "common/http/server.h"

namespace posefleet::http {

class Connection;

// What connections share: the handler, the limits, and who is waiting for a request.
struct Shared {
  HttpOptions options;
  HttpHandler handler;
  std::size_t connections = 0;
  // Connections whose request is not whole yet, the oldest first.
  std::list<Connection*> waiting;
};

class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  Connection(boost::asio::ip::tcp::socket socket, Shared& shared);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void read_head();
  // Ends it at once.
  void close();

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::empty_body>;
  using Code = boost::beast::error_code;

  void on_head(Code code);
  void answer_request();
  void send(HttpAnswer answer, bool with_body);
  void send_file(HttpAnswer answer, bool with_body);
  void refuse(int status, const std::string& text);
  void begin_answer(const HttpAnswer& answer, std::uint64_t length);
  void write_piece();
  void on_written(Code code);
  bool load_piece();
  void read_away();
  void stop_waiting();

  Shared& shared_;
  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::optional<std::list<Connection*>::iterator> place_;  // in Shared::waiting
  bool keeps_open_ = false;
  std::string out_;               // what is being written
  std::optional<HttpFile> file_;  // what follows it
  ByteRange rest_;                // of the file, not yet read; length 0: none
  std::size_t read_away_ = 0;     // bytes
};

}  // namespace posefleet::http

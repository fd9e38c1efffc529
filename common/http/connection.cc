#include "common/http/connection.h"

#include <algorithm>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/status.hpp>
#include <fmt/format.h>

namespace posefleet::http {
namespace {

namespace beast = boost::beast;
namespace asio = boost::asio;

// Our own requests have 300 bytes; browsers' stay below 2 KiB, proxies add some.
constexpr std::uint32_t kHeadBytesMax = 8 << 10;
// One piece is in memory for each connection that is being answered: 32 MiB for 256 of them.
constexpr std::uint64_t kPieceBytes = 128 << 10;
// What a refused client may still send before the connection is cut, so that it can read why.
constexpr std::size_t kReadAwayMax = 64 << 10;
constexpr std::chrono::seconds kReadAwayTimeMax{2};

constexpr const char* kNoBody = "a request has no body here\n";

bool is_head_too_long(beast::error_code code) {
  return code == beast::http::error::header_limit || code == beast::http::error::buffer_overflow;
}

bool is_not_http(beast::error_code code) {
  return code.category() ==
             beast::http::make_error_code(beast::http::error::bad_method).category() &&
         code != beast::http::error::end_of_stream && code != beast::http::error::partial_message;
}

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket, Shared& shared)
    : shared_(shared), stream_(std::move(socket)), buffer_(kHeadBytesMax) {
  ++shared_.connections;
}

Connection::~Connection() {
  stop_waiting();
  --shared_.connections;
}

void Connection::close() {
  stop_waiting();
  stream_.close();
}

void Connection::stop_waiting() {
  if (!place_) return;
  shared_.waiting.erase(*place_);
  place_.reset();
}

// ---- the request --------------------------------------------------------------------------------

void Connection::read_head() {
  place_ = shared_.waiting.insert(shared_.waiting.end(), this);
  parser_.emplace();
  parser_->header_limit(kHeadBytesMax);
  // One deadline for the whole head, not one for each of its bytes.
  stream_.expires_after(shared_.options.head_time_max);
  beast::http::async_read_header(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](Code code, std::size_t) { self->on_head(code); });
}

void Connection::on_head(Code code) {
  stop_waiting();
  if (is_head_too_long(code)) {
    return refuse(431, fmt::format("a request's head has at most {} bytes\n", kHeadBytesMax));
  }
  if (code == beast::http::error::body_limit) return refuse(413, kNoBody);
  if (code && is_not_http(code)) return refuse(400, "this is not an HTTP request\n");
  if (code) return;  // gone, too slow, or closed by us
  answer_request();
}

void Connection::answer_request() {
  const auto& request = parser_->get();
  keeps_open_ = request.keep_alive();
  const bool has_body =
      parser_->chunked() || (parser_->content_length() && *parser_->content_length() > 0);
  if (has_body) return refuse(413, kNoBody);
  const bool is_head = request.method() == beast::http::verb::head;
  if (!is_head && request.method() != beast::http::verb::get) {
    return refuse(405, "only GET and HEAD are answered\n");
  }
  const std::string target(request.target());
  HttpAnswer answer = shared_.handler({target.substr(0, target.find('?'))});
  if (answer.file) return send_file(std::move(answer), !is_head);
  send(std::move(answer), !is_head);
}

// ---- the answer ---------------------------------------------------------------------------------

void Connection::refuse(int status, const std::string& text) {
  keeps_open_ = false;
  HttpAnswer answer{.status = status, .body = text};
  if (status == 405) answer.headers.emplace_back("Allow", "GET, HEAD");
  send(std::move(answer), true);
}

void Connection::send(HttpAnswer answer, bool with_body) {
  answer.headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
  begin_answer(answer, answer.body.size());
  if (with_body) out_ += answer.body;
  write_piece();
}

void Connection::send_file(HttpAnswer answer, bool with_body) {
  namespace bh = beast::http;
  HttpFile file = std::move(*answer.file);
  const std::uint64_t size = file.stamp.size;
  const auto& request = parser_->get();
  ByteRange range{0, size};
  const auto header = request.find(bh::field::range);
  const auto condition = request.find(bh::field::if_range);
  // If-Range: "the rest of what I have, or all of what there is now".
  const bool is_other = condition != request.end() && condition->value() != file.etag;
  if (with_body && header != request.end() && !is_other) {
    const std::string_view text(header->value().data(), header->value().size());
    const std::optional<ByteRange> wanted = parse_byte_range(text, size);
    if (!wanted || request.count(bh::field::range) > 1) {
      HttpAnswer refusal{.status = 416, .body = "one range of bytes that lies in the file\n"};
      refusal.headers.emplace_back("Content-Range", fmt::format("bytes */{}", size));
      return send(std::move(refusal), true);
    }
    range = *wanted;
    answer.status = 206;
    answer.headers.emplace_back("Content-Range", fmt::format("bytes {}-{}/{}", range.first,
                                                             range.first + range.length - 1, size));
  }
  answer.headers.emplace_back("Content-Type", "application/octet-stream");
  answer.headers.emplace_back("Accept-Ranges", "bytes");
  answer.headers.emplace_back("ETag", file.etag);
  begin_answer(answer, range.length);
  if (with_body) {
    file_ = std::move(file);
    rest_ = range;
  }
  write_piece();
}

void Connection::begin_answer(const HttpAnswer& answer, std::uint64_t length) {
  const auto reason = beast::http::obsolete_reason(
      beast::http::int_to_status(static_cast<unsigned>(answer.status)));
  out_ = fmt::format("HTTP/1.1 {} {}\r\nContent-Length: {}\r\nConnection: {}\r\n", answer.status,
                     std::string_view(reason.data(), reason.size()), length,
                     keeps_open_ ? "keep-alive" : "close");
  // Whatever a browser makes of it, it is not a page of ours.
  out_ += "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n";
  for (const auto& [name, value] : answer.headers) out_ += name + ": " + value + "\r\n";
  out_ += "\r\n";
}

void Connection::write_piece() {
  stream_.expires_after(shared_.options.piece_time_max);
  asio::async_write(
      stream_, asio::buffer(out_),
      [self = shared_from_this()](Code code, std::size_t) { self->on_written(code); });
}

void Connection::on_written(Code code) {
  if (code) return;  // gone, or too slow
  if (rest_.length > 0) {
    // The length was promised: cutting the connection is the only way to take it back.
    if (!load_piece()) return close();
    return write_piece();
  }
  file_.reset();
  if (keeps_open_) return read_head();
  // Closing while unread bytes wait would reset the connection, and the answer with it.
  Code ignored;
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  stream_.expires_after(kReadAwayTimeMax);
  read_away();
}

bool Connection::load_piece() {
  const std::uint64_t length = std::min(rest_.length, kPieceBytes);
  out_.resize(length);
  if (!file_->file.read(rest_.first, out_) || file_->file.stamp() != file_->stamp) return false;
  rest_ = {rest_.first + length, rest_.length - length};
  return true;
}

void Connection::read_away() {
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(kHeadBytesMax / 2),
                          [self = shared_from_this()](Code code, std::size_t bytes) {
                            self->read_away_ += bytes;
                            if (code || self->read_away_ > kReadAwayMax) return self->close();
                            self->read_away();
                          });
}

}  // namespace posefleet::http

// An HTTP/1.1 server that strangers may talk to: what it costs is bounded, whatever they send.
//
// One thread serves all connections, without waiting for any of them. A thread for each (civetweb,
// cpp-httplib) ends where slow clients hold them all; here a slow client costs a few kilobytes
// until its time is over. A request's head is at most 8 KiB and must be whole within
// `head_time_max`, a piece of an answer must be taken within `piece_time_max`. When all connections
// are in use, one that has asked for nothing yet makes room for the new one, so that half-open
// connections keep nobody out. Requests with a body are refused.
//
// Answers come from a handler on the server's thread: it looks something up and returns; it never
// waits. Files are sent piece by piece, with single byte ranges, and only as long as they are what
// they were: a file that is written to meanwhile ends its connection in the middle, which every
// client can tell by the length.
//
// Boost.Beast behind this wall; why, and what else was looked at: docs/decisions/0012.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/files/open_file.h"
#include "common/http/address.h"

namespace posefleet {

// GET or HEAD; other methods are answered before the handler is asked.
struct HttpRequest {
  // The target up to its '?', as it was sent: nothing is decoded, so that nothing can be smuggled
  // in by decoding.
  std::string path;
};

struct HttpFile {
  OpenFile file;
  FileStamp stamp;   // it is sent only while it has this one
  std::string etag;  // with its quotes; equal for equal bytes
};

struct HttpAnswer {
  int status = 200;
  std::string body;  // text for people
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<HttpFile> file;  // instead of `body`
};

// Called on the server's thread.
using HttpHandler = std::function<HttpAnswer(const HttpRequest&)>;

struct HttpOptions {
  ListenAddress listen;
  std::size_t connections_max = 256;
  std::chrono::milliseconds head_time_max{10'000};
  // For 128 KiB: whoever takes less than 5 KiB/s is given up.
  std::chrono::milliseconds piece_time_max{25'000};
};

// Made and destroyed by one thread; serves on a thread of its own in between.
class HttpServer final {
 public:
  // Rejected when the address cannot be listened at.
  static Result<std::unique_ptr<HttpServer>> start(const HttpOptions& options, HttpHandler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // With the port that was bound.
  const ListenAddress& address() const;

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace posefleet

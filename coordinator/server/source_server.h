// Serves the sources of running jobs over HTTP, so that workers need no disk in common with us.
//
// A source is served from where it lies, nothing is copied. What is served follows from the job's
// number in the address and never from a path in it; and the address holds 128 bits that only those
// know who were granted a range of the job, so that a stranger who reaches the port gets nothing. A
// file that is not what was planned with any more (size, time, another file of that name) is
// refused.
//
// The bits follow from the job's number and a secret in the data folder: after a restart the
// addresses that workers hold still work, and nothing needs to be stored with the job.
//
// HTTP is not encrypted: who can listen on the wire sees the video. Across networks that are not
// yours, put it into a tunnel (docs/operating.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "common/base/result.h"
#include "common/http/server.h"
#include "common/protocol/ids.h"
#include "common/protocol/video.h"

namespace posefleet {

struct SourceServerConfig {
  ListenAddress listen;
  std::string public_url;  // "http://host:port", as workers reach it; empty: as it listens
  std::uint32_t connections_max = 256;
};

// Called by the loop's thread; answers on the HTTP server's. They meet at a table with a lock.
class SourceServer final {
 public:
  // The secret is made in `data_dir` if it is not there.
  static Result<std::unique_ptr<SourceServer>> start(const SourceServerConfig& config,
                                                     const std::filesystem::path& data_dir);
  SourceServer(const SourceServer&) = delete;
  SourceServer& operator=(const SourceServer&) = delete;

  // Serves the job's source from now on; the address for workers.
  std::string add(JobId job, const SourceFile& source, const std::string& sha256);
  void remove(JobId job);

  // What workers' addresses begin with.
  const std::string& base_url() const { return base_url_; }

 private:
  struct Entry {
    std::filesystem::path path;
    FileStamp stamp;
    std::string etag;
    std::string token;
  };

  explicit SourceServer(std::string secret) : secret_(std::move(secret)) {}
  HttpAnswer answer(const HttpRequest& request) const;
  std::string token_of(JobId job) const;

  const std::string secret_;
  std::string base_url_;
  mutable std::mutex mutex_;
  std::map<JobId, std::shared_ptr<const Entry>> entries_;
  std::unique_ptr<HttpServer> http_;  // last: its thread uses the above
};

}  // namespace posefleet

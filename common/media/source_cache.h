// The bytes of sources that lie on another machine, fetched over HTTP in blocks and kept for a
// while.
//
// FFmpeg could open an address by itself, but it asks for "everything from here on" at each seek
// and throws the rest away, and each range of a video opens it anew: the index at the front, the
// index at the end, the packets of a neighbour. So FFmpeg's HTTP client fetches blocks of a fixed
// size, and the demuxer reads from those. Blocks are named by the source's SHA-256, never by its
// address: two jobs on the same video share them. What is read is the same bytes as from a file, so
// the results are the same as well.
//
// A fetch that fails for a reason that may pass is tried again for a while; then, or when the other
// side refuses, the error is `Retry`: the range may be done elsewhere.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "common/base/result.h"

namespace posefleet {

// A source that somebody serves. A value.
struct RemoteFile {
  std::string name;  // its path over there: for messages, and the extension helps to tell formats
  std::string url;   // holds a secret: not for messages
  std::string sha256;
  std::uint64_t size = 0;
  bool operator==(const RemoteFile&) const = default;
};

// What happens while somebody waits for bytes. Both may be empty; called on the reading thread.
struct FetchHooks {
  std::function<bool()> is_cancelled;  // looked at every 100 ms; true ends the wait with an error
  std::function<void()> on_block;      // a block has come: the reader lives
};

struct SourceCacheLimits {
  std::uint64_t bytes_max = 64 << 20;
  // A block that takes longer is given up: 256 KiB at 25 KiB/s.
  std::chrono::milliseconds fetch_time_max{10'000};
  // Attempts for one block end after that. Shorter than a lease (30 s), so that the range goes back
  // with the reason and not because it shows no progress; long enough for a coordinator to be
  // started again.
  std::chrono::milliseconds patience{20'000};
};

struct SourceCacheStats {
  std::uint64_t fetches = 0;        // requests that succeeded
  std::uint64_t bytes_fetched = 0;  // by them, without headers
  std::uint64_t hits = 0;           // blocks that were there
  bool operator==(const SourceCacheStats&) const = default;
};

// Any thread. One for a worker process, made in its main; outlives all who read through it.
class SourceCache final {
 public:
  using Block = std::shared_ptr<const std::string>;
  // A range of 16 frames at 8 Mbit/s is two or three of them.
  static constexpr std::uint64_t kBlockBytes = 256 << 10;

  explicit SourceCache(SourceCacheLimits limits = {}) : limits_(limits) {}
  SourceCache(const SourceCache&) = delete;
  SourceCache& operator=(const SourceCache&) = delete;

  // Bytes [index, index + 1) * kBlockBytes of the file, the last block shorter. Two threads that
  // want the same block fetch it once.
  Result<Block> block(const RemoteFile& file, std::uint64_t index, const FetchHooks& hooks = {});
  // All of it, not kept. Rejected when it is larger than `bytes_max`.
  Result<std::string> read_all(const RemoteFile& file, std::uint64_t bytes_max,
                               const FetchHooks& hooks = {});
  SourceCacheStats stats() const;

 private:
  using Key = std::pair<std::string, std::uint64_t>;  // SHA-256, index
  struct Entry {
    Block block;
    std::list<Key>::iterator place;  // in order_
  };

  Result<std::string> fetch(const RemoteFile& file, std::uint64_t offset, std::uint64_t length,
                            const FetchHooks& hooks);
  void keep(const Key& key, const Block& block);

  const SourceCacheLimits limits_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Key, Entry> blocks_;
  std::list<Key> order_;  // of last use, the latest first
  std::set<Key> under_way_;
  std::uint64_t bytes_ = 0;
  SourceCacheStats stats_;
};

}  // namespace posefleet

// Where the pieces of arriving results wait until they are whole.
//
// Small ones in memory: a pose range's result has some kilobytes, and they are written once, with
// others, when they are whole. Larger ones in a file for each sender and range, hashed while it is
// written, so that memory stays flat. Only what has the announced size and hash is handed on. Two
// workers may send the same range at the same time; their results do not touch.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "common/base/result.h"
#include "common/files/sha256.h"
#include "common/protocol/messages.h"

namespace posefleet {

// Pieces of one result. Ours have a MiB each; a result in crumbs costs the loop its time.
inline constexpr std::uint64_t kPartsMax = 65'536;
// Results that one sender may have under way: each is an open file. A worker sends them one after
// another and has as many unacknowledged as its credit allows.
inline constexpr std::size_t kResultsPerPeerMax = 256;

struct SpoolLimits {
  // More results at the same time are refused until one is whole or dropped.
  std::size_t entries_max = 1024;
  // A result beyond that becomes a file. Four people in each of a pose range's 16 frames are 61
  // kB; a drawn segment has hundreds.
  std::size_t in_memory_max = 64 << 10;
  // Of all of them together; beyond that even small ones become files.
  std::size_t memory_max = 64 << 20;
};

// A result that is whole, and the receiver's from now on.
struct WholeResult {
  std::string bytes;           // when it was small, or
  std::filesystem::path file;  // in the spool's folder, not yet forced to disk; empty: `bytes`
};

// One thread.
class ResultSpool final {
 public:
  // Everything in `folder` belongs to the spool; what an earlier process left there is removed.
  static Result<std::unique_ptr<ResultSpool>> open(const std::filesystem::path& folder,
                                                   const SpoolLimits& limits);
  ~ResultSpool();
  ResultSpool(const ResultSpool&) = delete;
  ResultSpool& operator=(const ResultSpool&) = delete;

  // A piece that does not continue what is there is dropped: the hash will tell. Rejected, with the
  // number that was passed: a result of too many bytes or pieces, too many results at once.
  Status add(const std::string& peer, const ResultPart& part, std::uint64_t bytes_max);
  bool is_complete(const std::string& peer, const ResultDone& result);
  // Hands out what is_complete() said to be whole.
  WholeResult take(const std::string& peer, RangeId range);
  void drop(const std::string& peer, RangeId range);
  void drop_all_of(const std::string& peer);

 private:
  struct Entry {
    std::string bytes;           // while it is small
    std::filesystem::path path;  // afterwards
    int fd = -1;
    std::unique_ptr<Sha256> hash;  // of the file
    std::uint64_t size = 0;
    std::uint64_t parts = 0;
    std::string sha256;  // once complete
  };
  using Key = std::pair<std::string, RangeId>;

  ResultSpool(std::filesystem::path folder, const SpoolLimits& limits)
      : folder_(std::move(folder)), limits_(limits) {}
  void remove(Entry& entry);
  Status begin(const std::string& peer, RangeId range);
  Status keep(Entry& entry, std::string_view bytes);
  Status move_to_file(Entry& entry);
  static Status write(Entry& entry, std::string_view bytes);

  std::filesystem::path folder_;
  SpoolLimits limits_;
  std::size_t memory_ = 0;  // of all entries' bytes
  std::uint64_t next_number_ = 1;
  std::map<Key, Entry> entries_;
};

}  // namespace posefleet

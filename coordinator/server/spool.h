// Where the pieces of arriving results wait until they are whole.
//
// One file per sender and range, hashed while it is written. Only when size and hash are the
// announced ones does it get its final name, forced to disk. Two workers may send the same range at
// the same time; their files do not touch.
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

// One thread.
class ResultSpool final {
 public:
  // Everything in `folder` belongs to the spool; what an earlier process left there is removed.
  // More than `entries_max` results at the same time are refused until one is whole or dropped.
  static Result<std::unique_ptr<ResultSpool>> open(const std::filesystem::path& folder,
                                                   std::size_t entries_max);
  ~ResultSpool();
  ResultSpool(const ResultSpool&) = delete;
  ResultSpool& operator=(const ResultSpool&) = delete;

  // A piece that does not continue what is there is dropped: the hash will tell. Rejected, with the
  // number that was passed: a result of too many bytes or pieces, too many results at once.
  Status add(const std::string& peer, const ResultPart& part, std::uint64_t bytes_max);
  bool is_complete(const std::string& peer, const ResultDone& result);
  // Moves the whole result to `path`, durably.
  Status publish(const std::string& peer, RangeId range, const std::filesystem::path& path);
  void drop(const std::string& peer, RangeId range);
  void drop_all_of(const std::string& peer);

 private:
  struct Entry {
    std::filesystem::path path;
    int fd = -1;
    std::uint64_t size = 0;
    std::uint64_t parts = 0;
    std::unique_ptr<Sha256> hash;
    std::string sha256;  // once complete
  };
  using Key = std::pair<std::string, RangeId>;

  ResultSpool(std::filesystem::path folder, std::size_t entries_max)
      : folder_(std::move(folder)), entries_max_(entries_max) {}
  void remove(Entry& entry);
  Status make_entry(const std::string& peer, RangeId range);
  Status begin(Entry& entry);

  std::filesystem::path folder_;
  std::size_t entries_max_;
  std::uint64_t next_number_ = 1;
  std::map<Key, Entry> entries_;
};

}  // namespace posefleet

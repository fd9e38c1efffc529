#include "coordinator/server/spool.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "common/files/files.h"

namespace posefleet {

Result<std::unique_ptr<ResultSpool>> ResultSpool::open(const std::filesystem::path& folder,
                                                       std::size_t entries_max) {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  POSEFLEET_TRY_DO(make_writable_folder(folder));
  return std::unique_ptr<ResultSpool>(new ResultSpool(folder, entries_max));
}

ResultSpool::~ResultSpool() {
  for (auto& [key, entry] : entries_) remove(entry);
}

void ResultSpool::remove(Entry& entry) {
  if (entry.fd >= 0) close(entry.fd);
  entry.fd = -1;
  if (!entry.path.empty()) unlink(entry.path.c_str());
}

Status ResultSpool::begin(Entry& entry) {
  remove(entry);
  entry = Entry{};
  entry.path = folder_ / (std::to_string(next_number_++) + ".part");
  entry.fd = ::open(entry.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (entry.fd < 0) return retry("cannot create " + entry.path.string() + ": " + strerror(errno));
  entry.hash = std::make_unique<Sha256>();
  return done();
}

Status ResultSpool::make_entry(const std::string& peer, RangeId range) {
  const auto count = static_cast<std::size_t>(std::count_if(
      entries_.begin(), entries_.end(), [&](const auto& one) { return one.first.first == peer; }));
  if (!entries_.contains({peer, range}) && count >= kResultsPerPeerMax) {
    return rejected("a worker has " + std::to_string(count) + " results under way, at most " +
                    std::to_string(kResultsPerPeerMax) + " are taken");
  }
  return begin(entries_[{peer, range}]);
}

Status ResultSpool::add(const std::string& peer, const ResultPart& part, std::uint64_t bytes_max) {
  if (entries_.size() >= entries_max_ && !entries_.contains({peer, part.range})) {
    return Error{ErrorCode::Overloaded, "a result was not taken: " + std::to_string(entries_max_) +
                                            " others arrive already (limits.results)"};
  }
  if (part.offset == 0) POSEFLEET_TRY_DO(make_entry(peer, part.range));
  const auto found = entries_.find({peer, part.range});
  if (found == entries_.end()) return done();
  Entry& entry = found->second;
  if (entry.fd < 0 || part.offset != entry.size || !entry.sha256.empty()) return done();
  if (entry.size + part.bytes.size() > bytes_max) {
    const std::uint64_t size = entry.size + part.bytes.size();
    drop(peer, part.range);
    return rejected("a result grew to " + std::to_string(size) + " bytes, at most " +
                    std::to_string(bytes_max) + " bytes are taken");
  }
  if (++entry.parts > kPartsMax) {
    drop(peer, part.range);
    return rejected("a result came in more than " + std::to_string(kPartsMax) + " parts");
  }
  std::string_view bytes = part.bytes;
  while (!bytes.empty()) {
    const ssize_t count = write(entry.fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const std::string why = strerror(errno);
      const std::string path = entry.path.string();
      drop(peer, part.range);
      return retry("cannot write " + path + ": " + why);
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  entry.hash->add(part.bytes);
  entry.size += part.bytes.size();
  return done();
}

bool ResultSpool::is_complete(const std::string& peer, const ResultDone& result) {
  const auto found = entries_.find({peer, result.range});
  if (found == entries_.end() || found->second.fd < 0) return false;
  Entry& entry = found->second;
  if (entry.size != result.size) return false;
  // The announcement may come twice; the hash can be asked for once.
  if (entry.sha256.empty()) entry.sha256 = entry.hash->hex();
  return entry.sha256 == result.sha256;
}

Status ResultSpool::publish(const std::string& peer, RangeId range,
                            const std::filesystem::path& path) {
  const auto found = entries_.find({peer, range});
  POSEFLEET_CHECK(found != entries_.end());
  close(found->second.fd);
  found->second.fd = -1;
  const Status published = publish_file(found->second.path, path);
  if (!published) unlink(found->second.path.c_str());
  entries_.erase(found);
  return published;
}

void ResultSpool::drop(const std::string& peer, RangeId range) {
  const auto found = entries_.find({peer, range});
  if (found == entries_.end()) return;
  remove(found->second);
  entries_.erase(found);
}

void ResultSpool::drop_all_of(const std::string& peer) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    if (entry->first.first != peer) {
      ++entry;
      continue;
    }
    remove(entry->second);
    entry = entries_.erase(entry);
  }
}

}  // namespace posefleet

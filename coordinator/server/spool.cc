#include "coordinator/server/spool.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/files/files.h"

namespace posefleet {

Result<std::unique_ptr<ResultSpool>> ResultSpool::open(const std::filesystem::path& folder,
                                                       const SpoolLimits& limits) {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  POSEFLEET_TRY_DO(make_writable_folder(folder));
  return std::unique_ptr<ResultSpool>(new ResultSpool(folder, limits));
}

ResultSpool::~ResultSpool() {
  for (auto& [key, entry] : entries_) remove(entry);
}

void ResultSpool::remove(Entry& entry) {
  memory_ -= entry.bytes.size();
  if (entry.fd >= 0) close(entry.fd);
  if (!entry.path.empty()) unlink(entry.path.c_str());
  entry = Entry{};
}

Status ResultSpool::begin(const std::string& peer, RangeId range) {
  const auto found = entries_.find({peer, range});
  if (found != entries_.end()) {
    remove(found->second);
    return done();
  }
  std::size_t count = 0;
  for (auto own = entries_.lower_bound({peer, RangeId{}});
       own != entries_.end() && own->first.first == peer; ++own) {
    ++count;
  }
  if (count >= kResultsPerPeerMax) {
    return rejected("a worker has " + std::to_string(count) + " results under way, at most " +
                    std::to_string(kResultsPerPeerMax) + " are taken");
  }
  entries_[{peer, range}] = Entry{};
  return done();
}

Status ResultSpool::add(const std::string& peer, const ResultPart& part, std::uint64_t bytes_max) {
  if (entries_.size() >= limits_.entries_max && !entries_.contains({peer, part.range})) {
    return Error{ErrorCode::Overloaded,
                 "a result was not taken: " + std::to_string(limits_.entries_max) +
                     " others arrive already (limits.results)"};
  }
  if (part.offset == 0) POSEFLEET_TRY_DO(begin(peer, part.range));
  const auto found = entries_.find({peer, part.range});
  if (found == entries_.end()) return done();
  Entry& entry = found->second;
  if (part.offset != entry.size || !entry.sha256.empty()) return done();
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
  Status kept = keep(entry, part.bytes);
  if (!kept) drop(peer, part.range);
  return kept;
}

Status ResultSpool::keep(Entry& entry, std::string_view bytes) {
  if (entry.fd < 0) {
    const bool fits = entry.size + bytes.size() <= limits_.in_memory_max &&
                      memory_ + bytes.size() <= limits_.memory_max;
    if (fits) {
      entry.bytes += bytes;
      entry.size += bytes.size();
      memory_ += bytes.size();
      return done();
    }
    POSEFLEET_TRY_DO(move_to_file(entry));
  }
  return write(entry, bytes);
}

Status ResultSpool::move_to_file(Entry& entry) {
  entry.path = folder_ / (std::to_string(next_number_++) + ".part");
  entry.fd = ::open(entry.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (entry.fd < 0) return retry("cannot create " + entry.path.string() + ": " + strerror(errno));
  entry.hash = std::make_unique<Sha256>();
  const std::string bytes = std::exchange(entry.bytes, {});
  memory_ -= bytes.size();
  entry.size = 0;
  return write(entry, bytes);
}

Status ResultSpool::write(Entry& entry, std::string_view bytes) {
  entry.hash->add(bytes);
  entry.size += bytes.size();
  while (!bytes.empty()) {
    const ssize_t count = ::write(entry.fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return retry("cannot write " + entry.path.string() + ": " + strerror(errno));
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return done();
}

bool ResultSpool::is_complete(const std::string& peer, const ResultDone& result) {
  const auto found = entries_.find({peer, result.range});
  if (found == entries_.end()) return false;
  Entry& entry = found->second;
  if (entry.size != result.size) return false;
  // The announcement may come twice; a file's hash can be asked for once.
  if (entry.sha256.empty()) {
    entry.sha256 = entry.fd < 0 ? sha256_hex(entry.bytes) : entry.hash->hex();
  }
  return entry.sha256 == result.sha256;
}

WholeResult ResultSpool::take(const std::string& peer, RangeId range) {
  const auto found = entries_.find({peer, range});
  POSEFLEET_CHECK(found != entries_.end() && !found->second.sha256.empty());
  Entry& entry = found->second;
  WholeResult whole;
  memory_ -= entry.bytes.size();
  whole.bytes = std::move(entry.bytes);
  if (entry.fd >= 0) {
    close(entry.fd);
    whole.file = std::move(entry.path);
  }
  entries_.erase(found);
  return whole;
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

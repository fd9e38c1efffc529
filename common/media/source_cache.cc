#include "common/media/source_cache.h"

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "common/media/http_fetch.h"

namespace posefleet {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kPauseFirst{100};
constexpr milliseconds kPauseMax{2000};
// How soon a cancelled wait ends.
constexpr milliseconds kLook{100};

bool is_cancelled(const FetchHooks& hooks) {
  return hooks.is_cancelled && hooks.is_cancelled();
}

Error cancelled() {
  return retry("cancelled");
}

}  // namespace

Result<SourceCache::Block> SourceCache::block(const RemoteFile& file, std::uint64_t index,
                                              const FetchHooks& hooks) {
  const std::uint64_t offset = index * kBlockBytes;
  if (index > file.size / kBlockBytes || offset >= file.size) {
    return rejected(
        fmt::format("{} has no block {}: it has {} bytes", file.name, index, file.size));
  }
  const Key key{file.sha256, index};
  {
    std::unique_lock lock(mutex_);
    while (under_way_.contains(key)) {
      changed_.wait_for(lock, kLook);
      if (is_cancelled(hooks)) return cancelled();
    }
    if (const auto found = blocks_.find(key); found != blocks_.end()) {
      order_.splice(order_.begin(), order_, found->second.place);
      ++stats_.hits;
      return found->second.block;
    }
    under_way_.insert(key);
  }
  // From here on nobody else fetches it; whatever comes of it, the others must hear.
  auto bytes = fetch(file, offset, std::min(kBlockBytes, file.size - offset), hooks);
  const std::scoped_lock lock(mutex_);
  under_way_.erase(key);
  changed_.notify_all();
  if (!bytes) return std::move(bytes).error();
  Block block = std::make_shared<const std::string>(std::move(*bytes));
  keep(key, block);
  return block;
}

void SourceCache::keep(const Key& key, const Block& block) {
  order_.push_front(key);
  blocks_[key] = {block, order_.begin()};
  bytes_ += block->size();
  while (bytes_ > limits_.bytes_max) {
    const auto oldest = blocks_.find(order_.back());
    bytes_ -= oldest->second.block->size();
    blocks_.erase(oldest);
    order_.pop_back();
  }
}

Result<std::string> SourceCache::read_all(const RemoteFile& file, std::uint64_t bytes_max,
                                          const FetchHooks& hooks) {
  if (file.size > bytes_max) {
    return rejected(
        fmt::format("{} has {} bytes; at most {} are read", file.name, file.size, bytes_max));
  }
  std::string bytes;
  bytes.reserve(file.size);
  while (bytes.size() < file.size) {
    POSEFLEET_TRY(
        const std::string piece,
        fetch(file, bytes.size(), std::min(kBlockBytes, file.size - bytes.size()), hooks));
    bytes += piece;
  }
  return bytes;
}

Result<std::string> SourceCache::fetch(const RemoteFile& file, std::uint64_t offset,
                                       std::uint64_t length, const FetchHooks& hooks) {
  const auto patience_ends = Clock::now() + limits_.patience;
  milliseconds pause = kPauseFirst;
  while (true) {
    const auto deadline = std::min(patience_ends, Clock::now() + limits_.fetch_time_max);
    const auto is_over = [&] { return Clock::now() > deadline || is_cancelled(hooks); };
    auto fetched = av::fetch_http(
        {.url = file.url, .offset = offset, .length = length, .size = file.size}, is_over);
    if (fetched) {
      if (hooks.on_block) hooks.on_block();
      const std::scoped_lock lock(mutex_);
      ++stats_.fetches;
      stats_.bytes_fetched += length;
      return fetched;
    }
    if (is_cancelled(hooks)) return cancelled();
    const bool may_pass = fetched.error().code == ErrorCode::Retry;
    if (!may_pass || Clock::now() + pause > patience_ends) {
      return retry(fmt::format("cannot fetch bytes {} to {} of {} from the coordinator: {}", offset,
                               offset + length, file.name, fetched.error().message));
    }
    for (auto until = Clock::now() + pause; Clock::now() < until && !is_cancelled(hooks);) {
      std::this_thread::sleep_for(std::min(kLook, pause));
    }
    pause = std::min(pause * 2, kPauseMax);
  }
}

SourceCacheStats SourceCache::stats() const {
  const std::scoped_lock lock(mutex_);
  return stats_;
}

}  // namespace posefleet

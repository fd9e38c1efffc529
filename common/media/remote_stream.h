// Private to common/media: lets FFmpeg read a remote source as if it were a file.
#pragma once

#include <memory>
#include <optional>

#include "common/media/av.h"
#include "common/media/location.h"

namespace posefleet::av {

// Owned by who reads; FFmpeg's context must go before it. One thread.
class RemoteStream final {
 public:
  explicit RemoteStream(RemoteLocation location);
  ~RemoteStream();
  RemoteStream(const RemoteStream&) = delete;
  RemoteStream& operator=(const RemoteStream&) = delete;

  AVIOContext* handle() { return context_; }
  // The first time that bytes could not be had. FFmpeg takes that for the end of the file and goes
  // on with what it has, half a packet perhaps: what comes after is worth nothing.
  const std::optional<Error>& failure() const { return failure_; }

 private:
  static int read(void* self, std::uint8_t* to, int size);
  static std::int64_t seek(void* self, std::int64_t offset, int whence);
  int read(std::uint8_t* to, int size);
  std::int64_t seek(std::int64_t offset, int whence);

  const RemoteLocation location_;
  AVIOContext* context_ = nullptr;
  std::uint64_t position_ = 0;
  SourceCache::Block block_;  // the one at position_, if it was read from before
  std::uint64_t block_index_ = 0;
  std::optional<Error> failure_;
};

}  // namespace posefleet::av

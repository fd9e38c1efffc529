#include "common/media/remote_stream.h"

extern "C" {
#include <libavutil/mem.h>
}

#include <algorithm>
#include <cstring>

#include "common/base/check.h"

namespace posefleet::av {
namespace {

// As for files.
constexpr int kBufferBytes = 32 << 10;

}  // namespace

RemoteStream::RemoteStream(RemoteLocation location) : location_(std::move(location)) {
  auto* buffer = static_cast<unsigned char*>(av_malloc(kBufferBytes));
  POSEFLEET_CHECK(buffer != nullptr);
  context_ = avio_alloc_context(buffer, kBufferBytes, 0, this, &RemoteStream::read, nullptr,
                                &RemoteStream::seek);
  POSEFLEET_CHECK(context_ != nullptr);
}

RemoteStream::~RemoteStream() {
  av_freep(&context_->buffer);  // FFmpeg may have replaced the one that it was given
  avio_context_free(&context_);
}

int RemoteStream::read(void* self, std::uint8_t* to, int size) {
  return static_cast<RemoteStream*>(self)->read(to, size);
}

std::int64_t RemoteStream::seek(void* self, std::int64_t offset, int whence) {
  return static_cast<RemoteStream*>(self)->seek(offset, whence);
}

int RemoteStream::read(std::uint8_t* to, int size) {
  if (failure_) return AVERROR(EIO);
  if (position_ >= location_.file.size) return AVERROR_EOF;
  const std::uint64_t index = position_ / SourceCache::kBlockBytes;
  if (block_ == nullptr || block_index_ != index) {
    auto block = location_.cache->block(location_.file, index, location_.hooks);
    if (!block) {
      failure_ = block.error();
      return AVERROR(EIO);
    }
    block_ = std::move(*block);
    block_index_ = index;
  }
  const std::uint64_t from = position_ % SourceCache::kBlockBytes;
  const std::uint64_t count =
      std::min<std::uint64_t>(static_cast<std::uint64_t>(size), block_->size() - from);
  std::memcpy(to, block_->data() + from, count);
  position_ += count;
  return static_cast<int>(count);
}

std::int64_t RemoteStream::seek(std::int64_t offset, int whence) {
  const auto size = static_cast<std::int64_t>(location_.file.size);
  if (whence == AVSEEK_SIZE) return size;
  switch (whence & ~AVSEEK_FORCE) {
    case SEEK_SET:
      break;
    case SEEK_CUR:
      offset += static_cast<std::int64_t>(position_);
      break;
    case SEEK_END:
      offset += size;
      break;
    default:
      return AVERROR(EINVAL);
  }
  if (offset < 0) return AVERROR(EINVAL);
  // Behind the end is allowed, as for files; reading there gives nothing.
  position_ = static_cast<std::uint64_t>(offset);
  return offset;
}

}  // namespace posefleet::av

// Private to common/media: a segment's packets as a container takes them, with decode times.
#pragma once

#include <cstddef>

#include "common/base/result.h"
#include "common/media/av.h"
#include "common/media/timeline.h"
#include "common/protocol/video.h"

namespace posefleet::av {

// One owner, one thread. Refers to the table, which must outlive it.
class VideoPackets final {
 public:
  VideoPackets(const FrameTable& table, std::size_t reorder_depth)
      : timeline_(table.pts, reorder_depth), time_base_(to_av(table.time_base)) {}

  AVRational time_base() const { return time_base_; }
  // When the next packet is decoded, in `time_base`.
  std::int64_t next_dts() const { return timeline_.dts(made_); }
  std::size_t made() const { return made_; }

  // The next packet in decode order, with times and duration in `time_base`. Refused when it would
  // be decoded after it is shown.
  Result<Packet> make(const EncodedPacket& from);

 private:
  const Timeline timeline_;
  const AVRational time_base_;
  std::size_t made_ = 0;
};

}  // namespace posefleet::av

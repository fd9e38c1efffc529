#include "common/media/segment_checker.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "common/media/av.h"
#include "common/media/parameter_sets.h"
#include "common/protocol/output_codec.h"

namespace posefleet::av {

Status SegmentChecker::accept(const EncodedSegment& segment) {
  const std::string parameter_sets = parameter_sets_of(segment);
  POSEFLEET_TRY_DO(check_format(segment, parameter_sets));
  POSEFLEET_TRY_DO(check_times(segment));
  if (segments_++ == 0) {
    codec_ = segment.codec;
    width_ = segment.width;
    height_ = segment.height;
    parameter_sets_ = parameter_sets;
  }
  frames_ += segment.packets.size();
  return done();
}

Status SegmentChecker::finish() const {
  if (frames_ == table_.pts.size()) return done();
  return rejected(fmt::format("the {} segments hold {} frames, the video has {}", segments_,
                              frames_, table_.pts.size()));
}

Status SegmentChecker::check_format(const EncodedSegment& segment,
                                    const std::string& parameter_sets) const {
  const bool is_first = segments_ == 0;
  const bool is_known = find_output_codec(segment.codec) != nullptr;
  if (!is_known || (!is_first && segment.codec != codec_)) {
    return rejected(fmt::format("segment {} is in codec '{}', not {}", segments_, segment.codec,
                                is_first ? "one of " + output_codec_names() : codec_));
  }
  // Sizes that a format cannot hold are padded by one.
  const auto fits = [](std::uint32_t side, std::uint32_t video) {
    return side == video || side == video + 1;
  };
  if (!fits(segment.width, table_.width) || !fits(segment.height, table_.height)) {
    return rejected(fmt::format("segment {} has pictures of {}x{} pixels, the video of {}x{}",
                                segments_, segment.width, segment.height, table_.width,
                                table_.height));
  }
  if (segment.packets.empty() || !segment.packets.front().is_key) {
    return rejected(fmt::format("segment {} does not start with a key frame", segments_));
  }
  if (!is_first &&
      (segment.width != width_ || segment.height != height_ || parameter_sets != parameter_sets_)) {
    return rejected(fmt::format(
        "segment {} was encoded with other parameters than segment 0; encode both alike",
        segments_));
  }
  return done();
}

Status SegmentChecker::check_times(const EncodedSegment& segment) const {
  if (segment.packets.size() > table_.pts.size() - frames_) {
    return rejected(fmt::format("segment {} holds {} frames, but the video has only {} left",
                                segments_, segment.packets.size(), table_.pts.size() - frames_));
  }
  std::vector<std::int64_t> times;
  times.reserve(segment.packets.size());
  for (const EncodedPacket& packet : segment.packets) times.push_back(packet.pts);
  std::sort(times.begin(), times.end());
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (times[i] == table_.pts[frames_ + i]) continue;
    return rejected(fmt::format("segment {} has a frame at tick {} where {} should be", segments_,
                                times[i], frame_name(table_, frames_ + i)));
  }
  if (segment.packets.front().pts != times.front()) {
    return rejected(fmt::format("segment {} does not start with its first frame", segments_));
  }
  return done();
}

}  // namespace posefleet::av

// Private to common/media: what a video stream says of itself, once for all its frames.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/media/av.h"

namespace posefleet::av {

// A segment's extradata without what may differ (x264 adds a comment with its version and
// settings): of H.264 and HEVC the parameter sets in Annex B, of other codecs all of it. Equal
// strings: the streams can be joined.
std::string parameter_sets_of(const EncodedSegment& segment);

struct ParametersDeleter {
  void operator()(AVCodecParameters* parameters) const { avcodec_parameters_free(&parameters); }
};

struct PictureFormat {
  // Size, profile, colours, pixel shape and the parameter sets, as a container wants them.
  std::unique_ptr<AVCodecParameters, ParametersDeleter> parameters;
  // How many frames may be decoded before one that is shown earlier.
  std::size_t reorder_depth = 0;
  bool has_alpha = false;  // as second pictures (EncodedPacket::alpha)
};

// By decoding the segment's first packet: the parameter sets are read by the one parser that will
// read them later, and a segment that does not even begin well is refused here.
Result<PictureFormat> read_picture_format(const EncodedSegment& segment,
                                          const EncodedPacket& first);

}  // namespace posefleet::av

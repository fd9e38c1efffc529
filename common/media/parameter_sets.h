// Private to common/media: what an H.264 stream says of itself, once for all its frames.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/media/av.h"

namespace posefleet::av {

// The sequence and picture parameter sets of Annex B bytes, without start codes and without the
// rest (x264 adds a comment with its version and settings). Equal strings: the streams can be
// joined.
std::string parameter_sets_of(std::string_view annex_b);

struct ParametersDeleter {
  void operator()(AVCodecParameters* parameters) const { avcodec_parameters_free(&parameters); }
};

struct PictureFormat {
  // Size, profile, colours, pixel shape and the Annex B parameter sets, as a container wants them.
  std::unique_ptr<AVCodecParameters, ParametersDeleter> parameters;
  // How many frames may be decoded before one that is shown earlier.
  std::size_t reorder_depth = 0;
};

// By decoding the segment's first packet: the parameter sets are read by the one parser that will
// read them later, and a segment that does not even begin well is refused here.
Result<PictureFormat> read_picture_format(const EncodedSegment& segment,
                                          const EncodedPacket& first);

}  // namespace posefleet::av

// Private to common/media: pictures made a little larger, or turned, for what they are written to.
//
// 4:2:0 and 4:2:2 pictures of odd size have a chroma sample that lies half outside; H.264 and its
// like cannot say so (their crop counts whole chroma samples).
#pragma once

#include "common/media/av.h"

namespace posefleet::av {

struct PictureSize {
  int width = 0;
  int height = 0;
  bool operator==(const PictureSize&) const = default;
};

// A size rounded up to whole chroma samples of a format.
PictureSize padded_size(PictureSize size, AVPixelFormat format);

bool is_planar(AVPixelFormat format);

// A copy of that size, the last column and row of each plane repeated. One plane per component.
Frame pad(const AVFrame& from, PictureSize size);

// A copy turned clockwise by 0 to 3 quarters, for pictures that no player turns. One plane only
// (RGB and RGBA of any depth).
Frame turn(const AVFrame& from, int quarters);

// Gives transparent pixels near visible ones their colour (RGBA64 only). Codecs mix neighbours, by
// shared chroma and by transforms; black beside a body would darken its edge, although it is not
// seen itself.
void spread_colours(AVFrame& frame);

}  // namespace posefleet::av

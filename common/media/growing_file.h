// An output that can be watched while the rest of it is computed.
//
// A fragmented MP4: each segment becomes a fragment with the sound that belongs to it, and whoever
// reads the file sees whole fragments only. It is a view of the job, not its result: the finished
// output is joined anew (stitch.h), with its index in front and checked. So nothing here needs to
// survive a crash; after one, the file is made again from the committed segments.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

#include "common/base/result.h"
#include "common/protocol/video.h"

namespace posefleet {

// One owner, one thread.
class GrowingFile final {
 public:
  // Writes `out` (.mp4), from the first segment on. `source` gives the sound; `table` is its frame
  // table, kept as a copy. An error of the sound (a codec that MP4 does not hold) shows at the
  // first `append`.
  GrowingFile(std::filesystem::path source, FrameTable table, std::filesystem::path out);
  ~GrowingFile();
  GrowingFile(const GrowingFile&) = delete;
  GrowingFile& operator=(const GrowingFile&) = delete;

  // The next segment of the video, in order, checked as by `stitch`. What is in the file can be
  // seen when this returns. After an error the file is of no use any more.
  Status append(const EncodedSegment& segment);

  // How many frames can be seen.
  std::uint32_t frames() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace posefleet

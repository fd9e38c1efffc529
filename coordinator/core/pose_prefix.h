// How far from its first frame on a film's poses are all there.
//
// Who is who in a film is known from its beginning on (common/people/tracks.h), and bodies are
// drawn in the colour of who they are. So a render range waits for all poses before it, not only
// for its own.
//
// Pure.
#pragma once

#include <cstdint>
#include <map>

#include "common/protocol/ids.h"

namespace posefleet::core {

class PosePrefix final {
 public:
  // Ranges that do not overlap, in any order. They are told apart by their first frame.
  void add(const FrameRange& frames, bool is_committed);
  // It was split: its parts are added instead.
  void remove(const FrameRange& frames);
  void set_committed(const FrameRange& frames, bool is_committed);

  // Of all frames below this the poses are committed. With no range left that is not, the largest
  // number: nothing is missing.
  std::uint32_t end() const { return end_; }

 private:
  struct Part {
    std::uint32_t end = 0;
    bool is_committed = false;
  };
  void advance();

  std::map<std::uint32_t, Part> parts_;  // by first frame
  std::uint32_t end_ = UINT32_MAX;
};

}  // namespace posefleet::core

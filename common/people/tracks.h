// Who is who through a whole film: each person gets a number that stays with them.
//
// Frame after frame, whoever is found is given to the track that expected them: by how much the
// boxes overlap where the track would be by now, and by how alike the postures are, which decides
// when two people cross and their boxes say the same of both. Whoever is hidden for up to two
// seconds is taken up again near where they would be, if the size and the build fit. Nobody is
// recognised after a longer absence: that would need what they look like, and a wrong answer is
// worse than a new number.
//
// A frame's numbers depend on that frame and on the ones before it, never on later ones; so a film
// is numbered while it is computed, and one that is read again from the start gets the same
// numbers.
//
// Pure, and the same numbers everywhere: sums in double, in a fixed order.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/protocol/poses.h"

namespace posefleet {

// Owned and called by one thread; a copy goes on by itself.
class Tracker final {
 public:
  // Where the film's rate is not known (0), 30 is taken.
  explicit Tracker(double frames_per_second);

  // Gives everybody of the next frames their number, counted from 1 (PersonPose::track). Frames
  // come in order; numbers between them may be left out.
  void number(FramePoses& frame);
  void number(RangePoses& poses);

  // What it knows, to go on later: a few hundred bytes for each person seen in the last seconds.
  // Only for the same version of the program on the same kind of machine.
  std::string state() const;
  // Rejected, with nothing changed, when these are not the bytes of a state.
  Status restore(std::string_view state);

 private:
  struct Track {
    std::uint32_t id = 0;
    std::uint32_t last_frame = 0;
    double centre_x = 0, centre_y = 0;  // pixels
    double width = 0, height = 0;
    double speed_x = 0, speed_y = 0;  // pixels a frame
    PersonPose person;                // as last seen
  };
  struct Pair {
    double likeness = 0;
    std::size_t track = 0;
    std::size_t person = 0;
  };

  std::vector<Pair> overlapping_pairs(const FramePoses& frame) const;
  std::vector<Pair> returning_pairs(const FramePoses& frame, const std::vector<bool>& is_taken,
                                    const std::vector<bool>& is_found) const;
  static void see(Track& track, const PersonPose& person, std::uint32_t frame);

  std::uint32_t absence_max_;  // frames
  std::uint32_t next_id_ = 1;
  std::vector<Track> tracks_;  // by rising number
};

}  // namespace posefleet

#include "common/people/tracks.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "common/people/links.h"

namespace posefleet {
namespace {

constexpr double kRateUnknown = 30;
constexpr double kAbsenceSeconds = 2;
// Somebody who is hidden goes on as before for so long at most; then nobody knows.
constexpr double kMovesOnSeconds = 0.25;
// Least overlap with where somebody is expected. Runners seen from the side leave a third.
constexpr double kOverlapMin = 0.2;
// What the posture counts beside the overlap, which is at most 1.
constexpr double kPostureShare = 0.5;
// Postures whose joints are turned by that much on average have e^-1 of the full likeness, radians.
constexpr double kPostureAngle = 0.4;
// Of a return, in heights of the person: how far from where they would be, and how much more each
// second of absence allows.
constexpr double kReturnDistance = 0.5;
constexpr double kReturnDistancePerSecond = 0.5;
constexpr double kReturnHeightRatio = 1.5;
// Betas have standard deviation 1 over people; a network's estimate of the same person wanders by
// about half of that.
constexpr double kReturnBetas = 3;
// How fast the speed follows what is seen.
constexpr double kSpeedShare = 0.3;

constexpr char kStateMark[8] = {'t', 'r', 'a', 'c', 'k', 's', '0', '1'};

// The angle of the rotation that turns a into b, radians.
double angle_between(const Rotation& a, const Rotation& b) {
  double trace = 0;
  for (std::size_t i = 0; i < a.size(); ++i) trace += double{a[i]} * double{b[i]};
  return std::acos(std::clamp((trace - 1) / 2, -1.0, 1.0));
}

double posture_likeness(const PersonPose& a, const PersonPose& b) {
  double sum = angle_between(a.global_orient, b.global_orient);
  for (std::size_t i = 0; i < a.body_pose.size(); ++i) {
    sum += angle_between(a.body_pose[i], b.body_pose[i]);
  }
  const double likeness = std::exp(-sum / static_cast<double>(kJointCount) / kPostureAngle);
  return std::isfinite(likeness) ? likeness : 0;
}

double betas_distance(const PersonPose& a, const PersonPose& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.betas.size(); ++i) {
    const double difference = double{a.betas[i]} - double{b.betas[i]};
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

bool is_usable(const PersonBox& box) {
  return std::isfinite(box.x0) && std::isfinite(box.y0) && std::isfinite(box.x1) &&
         std::isfinite(box.y1) && box.x1 > box.x0 && box.y1 > box.y0;
}

PersonBox box_around(double x, double y, double width, double height) {
  return {static_cast<float>(x - width / 2), static_cast<float>(y - height / 2),
          static_cast<float>(x + width / 2), static_cast<float>(y + height / 2), 1};
}

}  // namespace

Tracker::Tracker(double frames_per_second) {
  const double rate = frames_per_second > 0 ? frames_per_second : kRateUnknown;
  absence_max_ = static_cast<std::uint32_t>(std::clamp(kAbsenceSeconds * rate, 3.0, 600.0));
}

std::vector<Tracker::Pair> Tracker::overlapping_pairs(const FramePoses& frame) const {
  const double frames_on = std::max(1.0, kMovesOnSeconds / kAbsenceSeconds * absence_max_);
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < tracks_.size(); ++i) {
    const Track& track = tracks_[i];
    const double passed = std::min<double>(frame.frame - track.last_frame, frames_on);
    const PersonBox expected =
        box_around(track.centre_x + track.speed_x * passed, track.centre_y + track.speed_y * passed,
                   track.width, track.height);
    for (std::size_t k = 0; k < frame.people.size(); ++k) {
      const double shared = overlap(expected, frame.people[k].box);
      if (!(shared >= kOverlapMin)) continue;
      const double posture = posture_likeness(track.person, frame.people[k]);
      // Somebody seen a moment ago comes before somebody hidden for long.
      const double freshness = 1.0 / (frame.frame - track.last_frame);
      pairs.push_back({shared + kPostureShare * posture + 0.1 * freshness, i, k});
    }
  }
  return pairs;
}

std::vector<Tracker::Pair> Tracker::returning_pairs(const FramePoses& frame,
                                                    const std::vector<bool>& is_taken,
                                                    const std::vector<bool>& is_found) const {
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < tracks_.size(); ++i) {
    const Track& track = tracks_[i];
    const std::uint32_t passed = frame.frame - track.last_frame;
    if (is_taken[i] || passed < 2) continue;
    const double seconds = kAbsenceSeconds * passed / absence_max_;
    const double moved = std::min(seconds, kMovesOnSeconds) / kAbsenceSeconds * absence_max_;
    for (std::size_t k = 0; k < frame.people.size(); ++k) {
      const PersonBox& box = frame.people[k].box;
      if (is_found[k] || !is_usable(box)) continue;
      const double height = double{box.y1} - box.y0;
      const double ratio = height / track.height;
      if (ratio > kReturnHeightRatio || ratio < 1 / kReturnHeightRatio) continue;
      const double x = (double{box.x0} + box.x1) / 2 - (track.centre_x + moved * track.speed_x);
      const double y = (double{box.y0} + box.y1) / 2 - (track.centre_y + moved * track.speed_y);
      const double distance = std::sqrt(x * x + y * y) / std::max(height, track.height);
      if (!(distance <= kReturnDistance + kReturnDistancePerSecond * seconds)) continue;
      const double betas = betas_distance(track.person, frame.people[k]);
      if (!(betas <= kReturnBetas)) continue;
      pairs.push_back({-distance - betas / kReturnBetas, i, k});
    }
  }
  return pairs;
}

void Tracker::see(Track& track, const PersonPose& person, std::uint32_t frame) {
  const PersonBox& box = person.box;
  const double x = (double{box.x0} + box.x1) / 2, y = (double{box.y0} + box.y1) / 2;
  if (track.person.track != 0) {
    const double passed = std::max<double>(1, frame - track.last_frame);
    track.speed_x += kSpeedShare * ((x - track.centre_x) / passed - track.speed_x);
    track.speed_y += kSpeedShare * ((y - track.centre_y) / passed - track.speed_y);
  }
  track.centre_x = x;
  track.centre_y = y;
  track.width = double{box.x1} - box.x0;
  track.height = double{box.y1} - box.y0;
  track.last_frame = frame;
  track.person = person;
}

void Tracker::number(FramePoses& frame) {
  std::erase_if(tracks_, [&](const Track& track) {
    return frame.frame <= track.last_frame || frame.frame - track.last_frame > absence_max_;
  });
  std::vector<bool> is_taken(tracks_.size()), is_found(frame.people.size());
  const auto give = [&](std::vector<Pair> pairs) {
    // Stable: equals stay in the order of tracks and people.
    std::stable_sort(pairs.begin(), pairs.end(),
                     [](const Pair& a, const Pair& b) { return a.likeness > b.likeness; });
    for (const Pair& pair : pairs) {
      if (is_taken[pair.track] || is_found[pair.person]) continue;
      is_taken[pair.track] = true;
      is_found[pair.person] = true;
      frame.people[pair.person].track = tracks_[pair.track].id;
      see(tracks_[pair.track], frame.people[pair.person], frame.frame);
    }
  };
  give(overlapping_pairs(frame));
  give(returning_pairs(frame, is_taken, is_found));
  for (std::size_t k = 0; k < frame.people.size(); ++k) {
    if (is_found[k]) continue;
    PersonPose& person = frame.people[k];
    person.track = next_id_++;
    // A box without sense cannot be followed.
    if (!is_usable(person.box)) continue;
    Track& track = tracks_.emplace_back();
    track.id = person.track;
    see(track, person, frame.frame);
  }
}

void Tracker::number(RangePoses& poses) {
  for (FramePoses& frame : poses) number(frame);
}

std::string Tracker::state() const {
  static_assert(std::is_trivially_copyable_v<Track>);
  std::string bytes(kStateMark, sizeof kStateMark);
  bytes.append(reinterpret_cast<const char*>(&next_id_), sizeof next_id_);
  if (tracks_.empty()) return bytes;
  return bytes.append(reinterpret_cast<const char*>(tracks_.data()),
                      tracks_.size() * sizeof(Track));
}

Status Tracker::restore(std::string_view state) {
  const std::size_t head = sizeof kStateMark + sizeof next_id_;
  if (state.size() < head ||
      state.substr(0, sizeof kStateMark) != std::string_view(kStateMark, sizeof kStateMark) ||
      (state.size() - head) % sizeof(Track) != 0) {
    return rejected("these are not the tracks of a film: " + std::to_string(state.size()) +
                    " bytes");
  }
  std::memcpy(&next_id_, state.data() + sizeof kStateMark, sizeof next_id_);
  tracks_.resize((state.size() - head) / sizeof(Track));
  if (!tracks_.empty()) {
    std::memcpy(static_cast<void*>(tracks_.data()), state.data() + head, state.size() - head);
  }
  return done();
}

}  // namespace posefleet

#include "common/people/steady.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include <Eigen/LU>
#include <Eigen/SVD>

#include "common/base/check.h"
#include "common/people/links.h"

namespace posefleet {
namespace {

// Deviation of the weights over time, seconds: a tenth of a second's tremble goes, a jump's quarter
// of a second stays.
constexpr double kDeviation = 0.05;
// Frames before and after that are looked at, whatever the rate.
constexpr int kReachMax = 5;
// Somebody must be found so often in so many frames before and after, or be sure.
constexpr int kSupportReach = 4;
constexpr std::uint32_t kSupportMin = 3;
constexpr float kSureScore = 0.5f;
// Nobody is filled in where somebody stands already: the links may have gone past them.
constexpr float kSamePlace = 0.25f;
static_assert(kSteadyMargin >= kLinkFramesMax + kSupportReach + kLinkFramesMax);
static_assert(kSteadyMargin >= kReachMax + kLinkFramesMax);

// Found people along their links, around a moment.
struct Sample {
  int offset = 0;  // frames from the moment
  const PersonPose* person = nullptr;
};

// Sums of a person's numbers, as they may be averaged.
struct Sums {
  double weight = 0;
  std::array<double, 4> box{};
  std::array<std::array<double, 9>, kJointCount> rotations{};
  std::array<double, kBetaCount> betas{};
  // Place in the picture and logarithm of the distance: what a camera sees, and how far away.
  std::array<double, 3> place{};

  void add(const PersonPose& person, double share) {
    weight += share;
    const std::array<float, 4> edges = {person.box.x0, person.box.y0, person.box.x1, person.box.y1};
    for (std::size_t i = 0; i < 4; ++i) box[i] += share * edges[i];
    for (std::size_t joint = 0; joint < kJointCount; ++joint) {
      const Rotation& from = joint == 0 ? person.global_orient : person.body_pose[joint - 1];
      for (std::size_t i = 0; i < 9; ++i) rotations[joint][i] += share * from[i];
    }
    for (std::size_t i = 0; i < kBetaCount; ++i) betas[i] += share * person.betas[i];
    const double depth = person.camera_translation[2];
    place[0] += share * person.camera_translation[0] / depth;
    place[1] += share * person.camera_translation[1] / depth;
    place[2] += share * std::log(depth);
  }
};

// The rotation that is nearest to a sum of rotations: their mean in the sense of least squares of
// matrix entries (Moakher 2002; Hartley et al. 2013).
Rotation nearest_rotation(const std::array<double, 9>& sum) {
  const Eigen::Map<const Eigen::Matrix<double, 3, 3, Eigen::RowMajor>> matrix(sum.data());
  const Eigen::JacobiSVD<Eigen::Matrix3d> svd(matrix, Eigen::ComputeFullU | Eigen::ComputeFullV);
  Eigen::Matrix3d u = svd.matrixU();
  if ((u * svd.matrixV().transpose()).determinant() < 0) u.col(2) *= -1;
  const Eigen::Matrix3d turn = u * svd.matrixV().transpose();
  Rotation rotation{};
  for (int row = 0; row < 3; ++row) {
    for (int column = 0; column < 3; ++column) {
      rotation[static_cast<std::size_t>(3 * row + column)] = static_cast<float>(turn(row, column));
    }
  }
  return rotation;
}

// The crop's shift in the camera that stands for the same translation: full_frame_translation of
// common/body/camera.h, solved for pred_cam. A crop's square is as wide as its box's larger side,
// widened to 192:256 (reference: hmr2.md section 2).
std::array<float, 3> crop_camera(const PersonPose& person, const SteadySettings& settings) {
  const PersonBox& box = person.box;
  const double side = std::max(double{box.y1} - box.y0, (double{box.x1} - box.x0) * 256 / 192);
  const double depth = person.camera_translation[2];
  const double focal = person.focal_length;
  const double from_x = (double{box.x0} + box.x1) / 2 - settings.width / 2.0;
  const double from_y = (double{box.y0} + box.y1) / 2 - settings.height / 2.0;
  return {static_cast<float>(2 * focal / (depth * side)),
          static_cast<float>(person.camera_translation[0] - from_x * depth / focal),
          static_cast<float>(person.camera_translation[1] - from_y * depth / focal)};
}

PersonPose mean_of(const Sums& sums, const PersonPose& like, const SteadySettings& settings) {
  PersonPose mean = like;
  const auto share = [&](double sum) { return static_cast<float>(sum / sums.weight); };
  mean.box = {share(sums.box[0]), share(sums.box[1]), share(sums.box[2]), share(sums.box[3]),
              like.box.score};
  for (std::size_t joint = 0; joint < kJointCount; ++joint) {
    Rotation& to = joint == 0 ? mean.global_orient : mean.body_pose[joint - 1];
    to = nearest_rotation(sums.rotations[joint]);
  }
  for (std::size_t i = 0; i < kBetaCount; ++i) mean.betas[i] = share(sums.betas[i]);
  const double depth = std::exp(sums.place[2] / sums.weight);
  mean.camera_translation = {static_cast<float>(sums.place[0] / sums.weight * depth),
                             static_cast<float>(sums.place[1] / sums.weight * depth),
                             static_cast<float>(depth)};
  mean.pred_cam = crop_camera(mean, settings);
  return mean;
}

bool can_be_averaged(const PersonPose& person) {
  const float depth = person.camera_translation[2];
  return std::isfinite(depth) && depth > 0 && person.focal_length > 0;
}

class Film final {
 public:
  Film(const RangePoses& window, const SteadySettings& settings,
       const std::set<std::uint32_t>& untouched)
      : settings_(settings), frames_(window) {
    for (FramePoses& frame : frames_) {
      if (untouched.contains(frame.frame)) frame.people.clear();
    }
    links_ = link_people(frames_);
    reach_ = std::clamp(static_cast<int>(std::ceil(2.5 * kDeviation * settings.frames_per_second)),
                        1, kReachMax);
  }

  std::vector<PersonPose> people_at(std::uint32_t index) const {
    std::vector<PersonPose> people;
    for (std::uint32_t person = 0; person < frames_[index].people.size(); ++person) {
      const PersonPlace place{index, person};
      if (!is_kept(place)) continue;
      people.push_back(steadied_person(samples_around(place, index, reach_), at(place)));
    }
    if (settings_.people_are_given) return people;
    for (std::uint32_t back = 1; back < kLinkFramesMax && back <= index; ++back) {
      fill(index - back, index, people);
    }
    return people;
  }

 private:
  const PersonPose& at(const PersonPlace& place) const {
    return frames_[place.frame].people[place.person];
  }
  const PersonLink& link(const PersonPlace& place) const {
    return links_[place.frame][place.person];
  }

  // Along the links both ways from `start`, as far as `reach` frames from the moment; in order of
  // time.
  std::vector<Sample> samples_around(const PersonPlace& start, std::uint32_t moment,
                                     int reach) const {
    const auto offset = [&](const PersonPlace& place) {
      return static_cast<int>(place.frame) - static_cast<int>(moment);
    };
    std::vector<Sample> samples;
    PersonPlace place = start;
    while (offset(place) >= -reach) {
      samples.push_back({offset(place), &at(place)});
      if (!link(place).has_previous) break;
      place = link(place).previous;
    }
    std::reverse(samples.begin(), samples.end());
    for (place = start; link(place).has_next;) {
      place = link(place).next;
      if (offset(place) > reach) break;
      samples.push_back({offset(place), &at(place)});
    }
    return samples;
  }

  bool is_kept(const PersonPlace& place) const {
    if (settings_.people_are_given || at(place).box.score >= kSureScore) return true;
    const std::size_t found = samples_around(place, place.frame, kSupportReach).size();
    return found >= std::min(kSupportMin, settings_.film_frames);
  }

  // As many frames after the moment as before it: a mean over one side would lag behind.
  PersonPose steadied_person(const std::vector<Sample>& samples, const PersonPose& like) const {
    for (const Sample& sample : samples) {
      if (!can_be_averaged(*sample.person)) return like;
    }
    const int reach = std::min(-samples.front().offset, samples.back().offset);
    if (reach <= 0) return like;
    Sums sums;
    for (const Sample& sample : samples) {
      if (std::abs(sample.offset) > reach) continue;
      const double time = sample.offset / settings_.frames_per_second / kDeviation;
      sums.add(*sample.person, std::exp(-0.5 * time * time));
    }
    return mean_of(sums, like, settings_);
  }

  // Those who are linked from frame `before` to one after `moment`, and so were missed at it.
  void fill(std::uint32_t before, std::uint32_t moment, std::vector<PersonPose>& people) const {
    for (std::uint32_t person = 0; person < frames_[before].people.size(); ++person) {
      const PersonPlace from{before, person};
      if (!link(from).has_next || link(from).next.frame <= moment) continue;
      const PersonPlace to = link(from).next;
      if (!is_kept(from) || !is_kept(to)) continue;
      const std::vector<Sample> samples = samples_around(from, moment, reach_);
      const PersonPose& like = at(from).box.score < at(to).box.score ? at(from) : at(to);
      // With nobody on one side in reach there is no mean at the moment itself.
      if (samples.front().offset >= 0 || samples.back().offset <= 0) continue;
      PersonPose missed = steadied_person(samples, like);
      const bool is_there = std::any_of(people.begin(), people.end(), [&](const PersonPose& other) {
        return overlap(other.box, missed.box) >= kSamePlace;
      });
      if (!is_there) people.push_back(missed);
    }
  }

  SteadySettings settings_;
  RangePoses frames_;
  std::vector<std::vector<PersonLink>> links_;
  int reach_ = 1;
};

}  // namespace

RangePoses steadied(const RangePoses& window, const FrameRange& frames,
                    const SteadySettings& settings, const std::set<std::uint32_t>& untouched) {
  RangePoses result;
  const bool is_film = settings.frames_per_second >= kSteadyRateMin;
  const std::optional<Film> film =
      is_film ? std::optional<Film>(std::in_place, window, settings, untouched) : std::nullopt;
  for (std::uint32_t i = 0; i < window.size(); ++i) {
    const std::uint32_t number = window[i].frame;
    if (number < frames.first || number >= frames.end) continue;
    FramePoses frame = window[i];
    if (film && !untouched.contains(number)) frame.people = film->people_at(i);
    result.push_back(std::move(frame));
  }
  return result;
}

}  // namespace posefleet

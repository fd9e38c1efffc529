// Many people's errors as one table: sums while the frames go by, means at the end.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/accuracy/match.h"
#include "common/accuracy/person_error.h"

namespace posefleet {

// One pair of a found and a true person.
struct PairErrors {
  double joint_mm = 0;
  double joint_after_alignment_mm = 0;
  // Absent where the bodies have different vertices.
  std::optional<double> vertex_mm;
  // Intersection over union; absent where neither body touches the frame.
  std::optional<double> silhouette_iou;
  KeypointHits hits;
  Facing facing = Facing::Towards;  // of the true person
  double height = 0;                // of the true box, pixels
};

// Of all pairs, or of those of a class. Means weigh each pair alike, shares each joint; absent
// where nothing was measured.
struct ErrorMeans {
  std::uint64_t people = 0;
  std::optional<double> joint_mm;
  std::optional<double> joint_after_alignment_mm;
  std::optional<double> vertex_mm;
  std::optional<double> silhouette_iou;
  std::optional<double> keypoints_within_005;  // 0 to 1
  std::optional<double> keypoints_within_010;
};

struct NamedMeans {
  std::string name;
  ErrorMeans means;
};

struct AccuracyReport {
  std::uint64_t frames = 0;
  std::uint64_t people_counted = 0;  // true people who were asked for, in all frames
  std::uint64_t people_ignored = 0;
  std::uint64_t people_found = 0;  // all that were found
  std::uint64_t matched = 0;
  std::uint64_t missed = 0;
  std::uint64_t wrong = 0;
  std::uint64_t neither = 0;        // found where somebody is ignored
  std::optional<double> recall;     // matched of those counted
  std::optional<double> precision;  // matched of those found, but for `neither`
  ErrorMeans all;
  // Classes that nobody is in are there too, with 0 people, so that tables have equal rows.
  std::vector<NamedMeans> by_facing;
  std::vector<NamedMeans> by_height;
};

// Lower ends of the height classes, pixels of the true box. HMR2 looks at 256 rows: below about 160
// a crop is enlarged by much, above 320 nothing is gained.
inline constexpr std::array<double, 4> kHeightClasses = {0, 80, 160, 320};

// One thread. The order of calls decides the rounding of the sums and nothing else.
class Tally final {
 public:
  void add_frame(const FrameMatch& match);
  void add_pair(const PairErrors& errors);

  AccuracyReport report() const;

 private:
  struct Mean {
    double sum = 0;
    std::uint64_t count = 0;
    void add(double value) {
      sum += value;
      ++count;
    }
    std::optional<double> value() const {
      return count == 0 ? std::nullopt : std::optional(sum / static_cast<double>(count));
    }
  };
  struct Sums {
    Mean joint, joint_after_alignment, vertex, silhouette;
    std::uint64_t keypoints = 0, within_005 = 0, within_010 = 0;
    void add(const PairErrors& errors);
    ErrorMeans means() const;
  };

  AccuracyReport counts_;
  Sums all_;
  std::array<Sums, kFacingNames.size()> by_facing_;
  std::array<Sums, kHeightClasses.size()> by_height_;
};

}  // namespace posefleet

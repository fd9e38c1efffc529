// A film's final poses with the numbers of who is who, frame range by frame range.
//
// Who somebody is follows from all frames before, so the numbers are found once, from the first
// frame on, and kept: four bytes a person and frame. They are also written beside the results, so
// that a restarted coordinator goes on where it was instead of reading a long film's poses again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "common/base/result.h"
#include "common/people/tracks.h"
#include "coordinator/pipeline/gather.h"
#include "coordinator/pipeline/plan.h"

namespace posefleet {

// One job's. One owner, one thread.
class FilmPoses final {
 public:
  // The committed pose ranges that share a frame with those asked for.
  using FilesOf = std::function<std::vector<RangeFile>(const FrameRange& frames)>;

  // `kept` is the file of numbers; empty: they are not kept. What cannot be read of it, or does not
  // fit, is found anew.
  FilmPoses(std::shared_ptr<const JobPlan> plan, std::filesystem::path kept);

  // Of these frames, in order. All poses below their end, and of the plan's pose margin behind it,
  // must be committed. On failure `lost` (when given) names the range at fault.
  Result<RangePoses> get(const FrameRange& frames, const FilesOf& files, LostArtifact* lost);

 private:
  Result<RangePoses> without_numbers(const FrameRange& frames, const FilesOf& files,
                                     LostArtifact* lost) const;
  void add_numbers(RangePoses& poses);
  void keep(const RangePoses& poses) const;
  void read_kept();

  std::shared_ptr<const JobPlan> plan_;
  std::filesystem::path kept_;
  Tracker tracker_;
  std::vector<std::vector<std::uint32_t>> numbers_;  // by frame, by person
};

}  // namespace posefleet

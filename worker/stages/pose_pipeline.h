// The line of stages inside a pose range: decode > find people and crop > network, a thread each.
//
// The network takes most of the time, so nothing else may make it wait: while it runs a batch, the
// next one is cut and further frames are decoded. Between the stages stand short queues; a full one
// stops the stage before it, so memory is bounded whatever is fast and whatever is slow. Frames and
// batches stay in order, and batches are cut as one thread alone would cut them: the result's bytes
// are those of doing one after the other.
//
// An error travels through the queues like a frame: what came before it is still computed, and of
// two errors the one of the earlier frame is reported, on any machine. The network's thread, which
// is the caller's, ends the line by closing the queues.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "common/base/result.h"
#include "common/media/image.h"
#include "common/protocol/poses.h"
#include "worker/model/pose_estimator.h"
#include "worker/runtime/executor.h"

namespace posefleet {

// What a range is made of. The functions are called on the stages' threads, each on one only; what
// they refer to must outlive the run.
struct PoseLine {
  // Of the source's frame table; the frames follow each other from there.
  std::uint32_t first_frame = 0;
  // The range's next picture, nothing after the last one.
  std::function<Result<std::optional<BgrImage>>()> next_picture;
  // How many pictures `find_people` is given at once; they lie in memory together.
  std::uint32_t pictures_at_once = 1;
  // The boxes in each of some pictures that follow each other.
  std::function<Result<std::vector<std::vector<PersonBox>>>(std::uint32_t first_frame,
                                                            std::span<const BgrView>)>
      find_people;
  // Runs the crops of a batch.
  PoseCollector::Run run_network;
  int batch_size = 8;
  EstimatorSettings settings;
};

struct PoseLineResult {
  RangePoses poses;
  double decode_seconds = 0;
};

// On the caller's thread and two more that end before it returns. Frames count as progress when
// their poses are there. Stops soon after progress.is_cancelled(), with an error.
Result<PoseLineResult> run_pose_line(const PoseLine& line, RangeProgress& progress);

}  // namespace posefleet

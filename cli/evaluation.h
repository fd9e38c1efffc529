// Found people against the true ones, frame by frame: bodies are posed, drawn as masks, compared.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "common/accuracy/match.h"
#include "common/accuracy/tally.h"
#include "common/accuracy/truth.h"
#include "common/base/result.h"
#include "common/body/body_model.h"
#include "common/protocol/poses.h"

namespace posefleet::cli {

// `truth` and `found` are the same object where one body was drawn and found; otherwise vertices
// are not compared, joints and silhouettes are.
struct EvaluationBodies {
  std::shared_ptr<const BodyModel> truth;
  std::shared_ptr<const BodyModel> found;
};

// `go_on` is asked before each frame; false ends with an interruption (is_interruption). Rejects
// poses of other frames than the truth's, and numbers that are not finite, naming the frame.
Result<AccuracyReport> evaluate_poses(const Truth& truth, const RangePoses& found,
                                      const EvaluationBodies& bodies, const MatchOptions& options,
                                      const std::function<bool()>& go_on);

// What was found in the form of a truth, so that two results can be compared with each other. The
// people of a frame are numbered from 0 in the order of the found, and all count as visible.
// `truth` gives the size, the frames a second and, where nobody was found, the focal length.
Result<Truth> truth_of_found(const Truth& truth, const RangePoses& found,
                             const std::string& body_sha256, const std::string& made_by);

}  // namespace posefleet::cli

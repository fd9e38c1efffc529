// A training run from its beginning, or from where it was left, to the end of its time.
//
// The state folder holds state.safetensors (everything that learning depends on), log.jsonl and
// progress.svg; the model folder gets detector.torchscript and its section of manifest.yaml
// whenever the unseen scenes say that the network became better. Both are whole at any time: a run
// may be killed and started again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "common/base/result.h"
#include "training/detector/samples.h"
#include "training/detector/trainer.h"

namespace posefleet::training::detect {

struct RunOptions {
  std::filesystem::path state;  // folder; made when missing
  std::filesystem::path out;    // model folder; made when missing
  std::uint64_t seed = 1;       // of weights and pictures; a run that goes on keeps its own
  double minutes = 60;  // of learning, all runs together: the rate of learning falls over it
  // Of learning, at minute 0. A run that goes on with more minutes begins where the falling rate
  // then is, which is low when it adds little: ask for more then.
  double rate = kRateHigh;
  std::uint64_t steps = 0;     // ends after so many steps instead; 0: by the minutes
  int threads = 1;             // above 1, one of them draws
  int side = 416;              // of the letterbox, pixels
  int batch = 8;               // pictures of a step
  int unseen = 300;            // pictures of a judgement
  double judge_seconds = 240;  // between judgements
};

// `should_stop` is asked after each step; when it says so, the state is saved and the run ends
// well. Blocks; one thread, and one more for drawing when options.threads is above 1.
Status run_training(const DrawScene& draw, const RunOptions& options,
                    const std::function<bool()>& should_stop);

}  // namespace posefleet::training::detect

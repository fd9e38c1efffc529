// One step of training after the other, on a few threads.
//
// Each thread draws its own crops and keeps them for some time (crop_store.h), runs some of them
// through the network and asks for gradients with a graph of its own; all graphs look at the same
// weights, which nobody changes meanwhile. Then the threads add their gradients, in a fixed order,
// and each moves its share of the weights. Two such threads are half as fast again as one network
// on two threads, since they meet twice a step and not in every product.
//
// The same seed, number of threads and plans give the same weights to the bit; a training that is
// gone on with begins with an empty store, if it keeps one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "common/base/result.h"
#include "common/body/body_data.h"
#include "training/hmr2/loss_parts.h"
#include "training/hmr2/parameters.h"
#include "training/hmr2/samples.h"
#include "training/hmr2/schedule.h"
#include "training/hmr2/train_state.h"

namespace posefleet::training {

// Draws the crop of that index; called from several threads.
using DrawCrop = std::function<CropTruth(std::uint64_t index, const Curriculum& curriculum,
                                         std::span<std::uint8_t> rgb)>;

struct TrainerOptions {
  int threads = 1;  // 1 to 64
  // New crops a step.
  int drawn_per_thread = 16;
  // 0: each crop is learned from once as drawn and once mirrored, and forgotten. Else so many are
  // kept (200 kB each), and a step learns from `learned_per_thread` of them, chosen by chance.
  int kept_per_thread = 0;
  int learned_per_thread = 32;
  Products products = Products::Float32;
  CropNormalisation normalisation;
};

// One owner, one thread, which works along.
class Trainer final {
 public:
  // `layout`, `state` and what `draw` refers to must outlive it.
  Trainer(const ParameterLayout& layout, const BodyData& body, DrawCrop draw,
          const TrainerOptions& options, TrainState& state);
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  // Changes the state's weights, moments, average and counters, not its seconds nor stage. An error
  // when numbers stop being finite, with the state as it was before the step.
  Result<LossParts> step(const StepPlan& plan);

  // Of the last step, before it was clipped.
  double gradient_norm() const;

 private:
  class Team;
  std::unique_ptr<Team> team_;
};

}  // namespace posefleet::training

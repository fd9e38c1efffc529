// The detector while it learns: weights, the moments of the optimiser, and smoothed weights.
//
// The smoothed weights (a running average over some hundred steps) are what is judged and
// exported: they are better than any single step's at any time, so that a run can be ended
// whenever somebody wants.
//
// Everything that a step depends on is in the state that is saved, and a batch follows from its
// index: a run that was taken up again computes the very same numbers. LibTorch stays behind this
// header.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "training/detector/samples.h"
#include "worker/detect/network.h"

namespace posefleet::training::detect {

// Of learning, at the beginning of a run that is not told otherwise.
inline constexpr double kRateHigh = 1.5e-3;

struct StepReport {
  double score_loss = 0;
  double box_loss = 0;
  double rate = 0;           // of learning
  double gradient_norm = 0;  // before it was cut
  bool was_skipped = false;  // numbers that are not finite: nothing was learned
};

// What stands beside the weights in a saved state: decimal texts by name.
using StateNotes = std::map<std::string, std::string>;

// One owner, one thread.
class Trainer final {
 public:
  // `threads` are LibTorch's, for the whole process.
  static Result<std::unique_ptr<Trainer>> create(std::uint64_t seed, int threads);
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  // Steps that were taken, skipped ones too.
  std::uint64_t steps() const;

  // One step. `progress` of 0 to 1 is how much of the run is over: the rate falls with it from
  // `rate_high`.
  Result<StepReport> step(const Batch& batch, double progress, double rate_high = kRateHigh);

  // safetensors, whole or not at all.
  Status save(const std::filesystem::path& path, const StateNotes& notes) const;
  // Replaces everything; the notes come back. On an error the trainer must not be used further.
  Result<StateNotes> load(const std::filesystem::path& path);

  // What the smoothed network says of `count` pictures of (3, height, width), in 0..1: as the
  // exported file does.
  Result<std::vector<RawOutput>> look(std::span<const float> pictures, int count, int width,
                                      int height);

  // Writes the smoothed network as TorchScript (export.h).
  Status export_to(const std::filesystem::path& path, int side) const;

 private:
  class Impl;
  explicit Trainer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace posefleet::training::detect

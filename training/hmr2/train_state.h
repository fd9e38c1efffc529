// All that a training is at one moment, and the file that a killed one goes on from.
//
// The file is safetensors: long arrays under plain names, the counters as text in its head. It is
// written whole or not at all, so that a crash while writing leaves the minute before.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/model_folder/model_folder.h"
#include "training/hmr2/parameters.h"
#include "training/hmr2/schedule.h"

namespace posefleet::training {

// One point of the curves in loss.svg.
struct HistoryPoint {
  double seconds = 0;  // of training
  double loss = 0;
  double joint_mm = 0;      // of the crops it learns from
  double unseen_pa_mm = 0;  // of unseen crops; 0 where none were measured
};

struct TrainState {
  std::vector<float> weights;
  std::vector<float> first_moment;  // AdamW's
  std::vector<float> second_moment;
  std::vector<float> average;  // of the weights
  std::uint64_t seed = 0;
  std::uint64_t step = 0;   // steps done
  std::uint64_t drawn = 0;  // crops drawn; the next crop's index
  double seconds = 0;       // spent in steps, over all runs
  double minutes_budget = 0;
  Stage stage;
  double best_score = 0;  // of the exported model; 0: none yet
  std::vector<HistoryPoint> history;
};

// Weights as they start, moments at zero.
TrainState fresh_state(const ParameterLayout& layout, const FirstLook& look, std::uint64_t seed,
                       double minutes_budget);

Status save_state(const std::filesystem::path& file, const TrainState& state,
                  const NetworkSizes& sizes);

// Rejects a file of another network, a cut one, one with numbers that are not finite.
Result<TrainState> load_state(const std::filesystem::path& file, const ParameterLayout& layout);

}  // namespace posefleet::training

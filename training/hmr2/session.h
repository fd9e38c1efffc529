// A training from start to end, or to a signal: steps, the state on disk, evaluations, the exported
// model, and what is said meanwhile.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

#include "common/base/result.h"
#include "common/body/body_data.h"
#include "training/hmr2/parameters.h"
#include "training/hmr2/trainer.h"

namespace posefleet::training {

// The demo model: 4.8 million numbers, 9.6 MB in half precision.
inline constexpr NetworkSizes kDemoSizes = {.backbone_width = 192,
                                            .backbone_depth = 6,
                                            .backbone_heads = 3,
                                            .backbone_mlp = 768,
                                            .decoder_width = 256,
                                            .decoder_depth = 3,
                                            .decoder_heads = 4,
                                            .decoder_head_width = 64,
                                            .decoder_mlp = 256};

struct SessionOptions {
  std::filesystem::path state_folder;  // state.safetensors, log.jsonl, loss.svg
  std::filesystem::path model_folder;
  double minutes = 90;                // of training in all runs together
  bool may_extend = false;            // `minutes` may differ from those the state was begun with
  std::optional<std::uint64_t> seed;  // absent: that of the state, or 1
  int threads = 1;
  // As the trainer's (trainer.h).
  int drawn_per_thread = 8;
  int kept_per_thread = 0;
  int learned_per_thread = 16;
  int evaluation_crops = 512;
  ScheduleSettings schedule;
  double evaluate_every_s = 300;
  double save_every_s = 60;
  double report_every_s = 10;
  Products products = Products::Float32;
};

// Draws crops with a seed; training, mean and evaluation use different ones.
using DrawSeeded =
    std::function<CropTruth(std::uint64_t seed, std::uint64_t index, const Curriculum& curriculum,
                            std::span<std::uint8_t> rgb)>;

// Goes on from the state folder if there is a state. Returns when the time is over or `is_stopped`
// says so (asked between steps); the state is then on disk. Lines go to standard output.
Status run_session(const SessionOptions& options, const NetworkSizes& sizes, const BodyData& body,
                   const DrawSeeded& draw, const std::function<bool()>& is_stopped);

}  // namespace posefleet::training

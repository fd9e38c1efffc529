// What training does when: how hard the crops are, how finely they are cut, how large the steps.
//
// Shown people from all sides at once, the network stays for long on answers that suit front and
// back half each. Shown people who face the camera within 60 degrees it learns at once; so training
// begins there and widens, when the way people face has been learned, and by the clock if not.
// Most of the time it sees crops at half their size, for a quarter of the work.
//
// Pure: time comes as a share of the whole.
#pragma once

#include <cstdint>

#include "training/footage/crop_source.h"
#include "training/hmr2/samples.h"

namespace posefleet::training {

// Where the schedule has come to; only moves forward, also when the time is extended.
struct Stage {
  int widening = 0;          // index into the yaw limits
  double widened_at = 0;     // progress
  bool is_full = false;      // crops in full size
  double root_degrees = 60;  // running mean of the error of the way people face

  bool operator==(const Stage&) const = default;
};

struct StepPlan {
  Grid grid = Grid::Half;
  Curriculum curriculum;
  float learning_rate = 0;
  float average_decay = 0;
  bool joints_of_true_shape = true;
};

struct ScheduleSettings {
  // At its highest. Measured from one state, 300 steps of 32 crops later: loss 0.915 at 7e-4, 0.875
  // at 2.5e-4.
  double learning_rate = 4e-4;
  std::uint64_t warm_up_steps = 200;
  // Progress. A network that only saw half-size crops answers full-size ones about as well
  // (PA-MPJPE 118 mm on both after 77,000 crops), so the costly part may be short.
  double full_size_from = 0.85;
};

// progress: 0 at the start, 1 when the time is over.
StepPlan plan_step(const Stage& stage, double progress, std::uint64_t step,
                   const ScheduleSettings& settings = {});

// After a step whose mean error of the pelvis's turn was `root_degrees`.
Stage advanced(Stage stage, double progress, double root_degrees,
               const ScheduleSettings& settings = {});

// False for numbers that no schedule has come to; for files.
bool is_known(const Stage& stage);

// Degrees; for messages.
float yaw_limit_of(const Stage& stage);

}  // namespace posefleet::training

// The curves of a training as a picture that any browser shows.
#pragma once

#include <span>
#include <string>

#include "training/hmr2/train_state.h"

namespace posefleet::training {

// SVG: the error of joints on the crops that are learned from, and PA-MPJPE on unseen ones, in
// millimetres over minutes. Numbers that are not finite are left out; no points give empty axes.
std::string plot_history(std::span<const HistoryPoint> history);

}  // namespace posefleet::training

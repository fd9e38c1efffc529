// What was said, in words: for a person who replays one seed (POSEFLEET_SIM_TRACE=1).
#pragma once

#include <string>

#include "common/protocol/messages.h"

namespace posefleet::sim {

std::string in_words(const WorkerMessage& message);
std::string in_words(const CoordinatorMessage& message);

}  // namespace posefleet::sim

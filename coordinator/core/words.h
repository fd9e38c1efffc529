// Words that several files of the rules say. Private to the folder.
#pragma once

#include <string>

#include "coordinator/core/commands.h"

namespace posefleet::core {

inline CoordinatorMessage ack(RangeId range, const Token& token) {
  return ResultAck{range, token};
}

inline std::string describe(const RangeRecord& range) {
  return std::string(name_of(range.stage)) + " range of job " + std::to_string(number(range.job)) +
         ", frames " + std::to_string(range.frames.first) + " to " +
         std::to_string(range.frames.end - 1);
}

}  // namespace posefleet::core

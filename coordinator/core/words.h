// Words that several files of the rules say. Private to the folder.
#pragma once

#include <string>

#include "common/protocol/precision.h"
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

// A job's poses all come from one network in one precision; what is drawn from them does not depend
// on how they were computed.
inline bool serves(const Hello& hello, const JobRecord& job) {
  if (hello.role == Stage::Pose) return hello.model_hash == job.model_hash;
  return hello.model_hash == model_hash_of(job.model_hash);
}

}  // namespace posefleet::core

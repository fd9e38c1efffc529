// For what cannot happen unless we have a bug: stop at once, with file and line, in release builds
// too. Input from outside never reaches a check; it gets a Result (result.h).
#pragma once

namespace posefleet {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace posefleet

#define POSEFLEET_CHECK(condition) \
  ((condition) ? void(0) : ::posefleet::check_failed(#condition, __FILE__, __LINE__))

// Processor time of this process and of programs that it runs. On a machine that others use too, it
// says what a step costs; the clock on the wall says what the others do.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"

namespace posefleet::bench {

// User and system seconds of this process so far, all threads.
double processor_seconds();

// Runs a program, found by $PATH, with its output thrown away, and returns the processor seconds
// that it took. An error when it cannot be run or fails.
Result<double> run_program(const std::vector<std::string>& arguments);

}  // namespace posefleet::bench

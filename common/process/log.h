// Log lines on standard error: time, level, what happened. One line per event, logged once, where
// it is handled. What cannot be printed is written as \n and \x1b, so that no text from outside
// makes lines of its own.
//
// A process has one log, so this is the one set of free functions with state behind it (spdlog's
// default logger): handing a logger through every constructor bought nothing. Any thread may call.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace posefleet {

enum class LogLevel { Debug, Info, Warn, Error };

// Call once, first thing in main; `program` stands in every line.
void start_log(std::string_view program, LogLevel level);
Result<LogLevel> parse_log_level(std::string_view text);

void log_debug(const std::string& line);
void log_info(const std::string& line);
void log_warn(const std::string& line);
void log_error(const std::string& line);

}  // namespace posefleet

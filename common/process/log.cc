#include "common/process/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace posefleet {
namespace {

// Names and messages of others stand in our lines; none of them shall begin a line of its own or
// steer somebody's terminal.
std::string printable(const std::string& line) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(line.size());
  for (const char c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return out;
}

}  // namespace

void start_log(std::string_view program, LogLevel level) {
  auto logger = std::make_shared<spdlog::logger>(std::string(program),
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %n[%P]: %v");
  constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                   spdlog::level::warn, spdlog::level::err};
  logger->set_level(kLevels[static_cast<int>(level)]);
  // A killed process must not take its last words with it.
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

Result<LogLevel> parse_log_level(std::string_view text) {
  if (text == "debug") return LogLevel::Debug;
  if (text == "info") return LogLevel::Info;
  if (text == "warn") return LogLevel::Warn;
  if (text == "error") return LogLevel::Error;
  return rejected("log level is '" + std::string(text) + "', allowed: debug, info, warn, error");
}

void log_debug(const std::string& line) {
  spdlog::debug("{}", printable(line));
}
void log_info(const std::string& line) {
  spdlog::info("{}", printable(line));
}
void log_warn(const std::string& line) {
  spdlog::warn("{}", printable(line));
}
void log_error(const std::string& line) {
  spdlog::error("{}", printable(line));
}

}  // namespace posefleet

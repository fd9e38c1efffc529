// What all programs that take a configuration file have in common: --config, --print-config,
// --help, and how errors of these end the program.
#pragma once

#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/loader.h"

namespace posefleet {

// The exit codes of all programs (docs/operating.md).
inline constexpr int kExitUsage = 2;
inline constexpr int kExitFailed = 3;

template <typename Config>
struct ProgramStart {
  std::optional<Config> config;  // nothing: leave with exit_code
  int exit_code = 0;
};

// Reads argv. Prints help, the configuration or errors itself.
template <typename Config>
ProgramStart<Config> start_program(int argc, char** argv, const Fields<Config>& fields,
                                   std::string_view what_it_is) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  std::string program = argv[0];
  program = program.substr(program.find_last_of('/') + 1);
  std::optional<std::string> file;
  bool wants_print = false;
  const auto usage_error = [&](const std::string& text) {
    std::fprintf(stderr, "%s: %s\nTry %s --help.\n", program.c_str(), text.c_str(),
                 program.c_str());
    return ProgramStart<Config>{std::nullopt, kExitUsage};
  };
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--help" || arguments[i] == "-h") {
      std::printf(
          "%s: %s\n\nUsage: %s --config FILE\n\n  --config FILE    YAML file, keys below\n"
          "  --print-config   show the configuration with all defaults and leave\n"
          "  --print-table    show the keys as the table of configs/README.md and leave\n"
          "  --help           this text\n\nKeys of the file:\n%s",
          program.c_str(), std::string(what_it_is).c_str(), program.c_str(),
          config_help(fields).c_str());
      return {};
    }
    if (arguments[i] == "--print-table") {
      std::printf("%s", config_markdown(fields).c_str());
      return {};
    }
    if (arguments[i] == "--print-config") {
      wants_print = true;
    } else if (arguments[i] == "--config" && i + 1 < arguments.size()) {
      file = arguments[++i];
    } else {
      return usage_error("unknown or incomplete option '" + arguments[i] + "'");
    }
  }
  if (!file) return usage_error("--config FILE is missing");
  auto config = load_config(fields, *file);
  if (!config) return usage_error(config.error().message);
  if (wants_print) {
    std::printf("%s", print_config(fields, *config).c_str());
    return {};
  }
  return {std::move(*config), 0};
}

}  // namespace posefleet

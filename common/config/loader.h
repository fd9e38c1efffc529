// From a field table (fields.h): reads a YAML file into a struct, and writes what the keys are.
//
// Strict, because a key with a typing error that is silently ignored costs somebody a day: an
// unknown key, a value of the wrong kind or out of range, a key given twice, each is an error that
// names file, line, key, value and what is allowed. All of a file's errors come in one message, one
// a line, at most ten.
//
// Of YAML we take mappings, lists of plain values and scalars. Anchors, aliases and tags are
// refused: nobody needs them here, and aliases can blow up a small file to any size. A file has at
// most 1 MiB and eight levels.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/config/fields.h"

namespace posefleet {

namespace config_detail {
Status fill(const FieldTable& table, std::string_view yaml, const std::string& file_name,
            void* config);
Result<std::string> read_file(const std::filesystem::path& path);
std::string print(const FieldTable& table, const void* config);
std::string help(const FieldTable& table);
std::string markdown(const FieldTable& table);
}  // namespace config_detail

// `file_name` is only for messages. An empty text gives the fallbacks.
template <typename Config>
Result<Config> parse_config(const Fields<Config>& fields, std::string_view yaml,
                            const std::string& file_name) {
  Config config{};
  POSEFLEET_TRY_DO(config_detail::fill(fields.table(), yaml, file_name, &config));
  return config;
}

template <typename Config>
Result<Config> load_config(const Fields<Config>& fields, const std::filesystem::path& path) {
  POSEFLEET_TRY(const std::string yaml, config_detail::read_file(path));
  return parse_config(fields, yaml, path.string());
}

// For --print-config: a file that reads back to the same struct, each key with its help line.
template <typename Config>
std::string print_config(const Fields<Config>& fields, const Config& config) {
  return config_detail::print(fields.table(), &config);
}

// For --help: each key, its unit, default and range, and below it what it is for.
template <typename Config>
std::string config_help(const Fields<Config>& fields) {
  return config_detail::help(fields.table());
}

// For configs/README.md: a table in Markdown.
template <typename Config>
std::string config_markdown(const Fields<Config>& fields) {
  return config_detail::markdown(fields.table());
}

}  // namespace posefleet

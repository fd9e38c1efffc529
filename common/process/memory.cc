#include "common/process/memory.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string_view>

namespace posefleet {
namespace {

std::string text_of(const char* path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::optional<std::uint64_t> leading_number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::uint64_t number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end.ec != std::errc()) return std::nullopt;
  return number;
}

// The number behind `key` at the start of a line.
std::optional<std::uint64_t> number_of(std::string_view text, std::string_view key) {
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key)) return leading_number(std::string_view(line).substr(key.size()));
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> available_memory(const MemoryFiles& files) {
  std::optional<std::uint64_t> available;
  if (const auto kib = number_of(files.meminfo, "MemAvailable:")) available = *kib << 10;
  const auto limit = leading_number(files.cgroup_max);
  const auto used = leading_number(files.cgroup_current);
  if (limit && used) {
    const std::uint64_t droppable = number_of(files.cgroup_stat, "inactive_file ").value_or(0);
    const std::uint64_t held = *used - std::min(*used, droppable);
    const std::uint64_t left = *limit - std::min(*limit, held);
    available = std::min(available.value_or(left), left);
  }
  return available;
}

std::optional<std::uint64_t> available_memory() {
  return available_memory({.meminfo = text_of("/proc/meminfo"),
                           .cgroup_max = text_of("/sys/fs/cgroup/memory.max"),
                           .cgroup_current = text_of("/sys/fs/cgroup/memory.current"),
                           .cgroup_stat = text_of("/sys/fs/cgroup/memory.stat")});
}

}  // namespace posefleet

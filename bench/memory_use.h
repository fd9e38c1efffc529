// This process's memory, as the kernel counts it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

namespace posefleet::bench {

// A line of /proc/self/status in bytes: "VmRSS" is what is resident now, "VmHWM" the most that ever
// was, "RssAnon" the part that no file backs. 0 when there is no such line.
inline std::uint64_t memory_use(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    unsigned long long kib = 0;
    if (line.starts_with(key + ":") &&
        std::sscanf(line.c_str() + key.size() + 1, "%llu", &kib) == 1) {
      return std::uint64_t{kib} << 10;
    }
  }
  return 0;
}

}  // namespace posefleet::bench

// How much memory this process may still take: of the machine, and of the container that it runs
// in, whichever is less.
//
// The kernel's own estimate (MemAvailable) counts what it would drop, such as cached files. A
// container's limit is another matter: its counters know nothing of the machine, and the machine's
// nothing of the limit; a process that goes by the first alone is killed in the second.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace posefleet {

// The texts of the kernel's files; empty where there is none.
struct MemoryFiles {
  std::string meminfo;         // /proc/meminfo
  std::string cgroup_max;      // memory.max: bytes, or "max"
  std::string cgroup_current;  // memory.current: bytes
  std::string cgroup_stat;     // memory.stat; its inactive_file can be dropped
};

// Bytes; nothing when no text says so.
std::optional<std::uint64_t> available_memory(const MemoryFiles& files);

// Of this machine, now.
std::optional<std::uint64_t> available_memory();

}  // namespace posefleet

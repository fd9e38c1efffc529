#include "common/process/memory.h"

#include <gtest/gtest.h>

namespace posefleet::tests {
namespace {

constexpr std::uint64_t kMib = 1 << 20;

TEST(AvailableMemory, IsTheLessOfTheMachinesAndTheContainers) {
  const std::string machine = "MemTotal:       24000000 kB\nMemAvailable:    8192000 kB\n";
  const struct {
    const char* name;
    MemoryFiles files;
    std::optional<std::uint64_t> expected;
  } cases[] = {
      {"no container", {.meminfo = machine}, 8000 * kMib},
      {"a container without limit",
       {.meminfo = machine, .cgroup_max = "max\n", .cgroup_current = "1048576\n"},
       8000 * kMib},
      {"a small container",
       {.meminfo = machine, .cgroup_max = "1048576000\n", .cgroup_current = "419430400\n"},
       600 * kMib},
      {"cached files of the container can go",
       {.meminfo = machine,
        .cgroup_max = "1048576000\n",
        .cgroup_current = "419430400\n",
        .cgroup_stat = "anon 5\ninactive_file 104857600\nactive_file 7\n"},
       700 * kMib},
      {"a container above its limit",
       {.meminfo = machine, .cgroup_max = "1000\n", .cgroup_current = "2000\n"},
       0},
      {"more is cached than used",
       {.meminfo = machine,
        .cgroup_max = "1048576\n",
        .cgroup_current = "10\n",
        .cgroup_stat = "inactive_file 20\n"},
       kMib},
      {"only the container is known",
       {.cgroup_max = "1048576000\n", .cgroup_current = "0\n"},
       1000 * kMib},
      {"nothing is known", {}, std::nullopt},
      {"no numbers", {.meminfo = "MemAvailable: lots\n"}, std::nullopt},
  };
  for (const auto& [name, files, expected] : cases) {
    SCOPED_TRACE(name);
    EXPECT_EQ(available_memory(files), expected);
  }
}

TEST(AvailableMemory, IsKnownOnThisMachine) {
  const auto available = available_memory();
  ASSERT_TRUE(available);
  EXPECT_GT(*available, kMib);
}

}  // namespace
}  // namespace posefleet::tests

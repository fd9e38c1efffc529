// Two processes that read the same weights hold them in memory once.
#include <algorithm>
#include <cstdint>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/model_folder/safetensors.h"
#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

constexpr std::size_t kFloats = 4 << 20;  // 16 MiB

// Reads every number, so that every page is there.
float sum_of(const Safetensors& file) {
  const auto numbers = file.floats("weights", {kFloats});
  float sum = 0;
  if (numbers) {
    for (const float value : *numbers) sum += value;
  }
  return sum;
}

// Bytes of the mapping of `path`: resident, and this process's share of them (a page that two
// processes have in memory counts half).
struct Pages {
  std::uint64_t resident = 0, share = 0;
};

Pages pages_of(const std::string& path) {
  std::ifstream maps("/proc/self/smaps");
  Pages pages;
  bool is_ours = false;
  for (std::string line; std::getline(maps, line);) {
    unsigned long long kib = 0;
    if (line.find('-') < line.find(' ')) is_ours = line.ends_with(path);
    if (!is_ours) continue;
    if (std::sscanf(line.c_str(), "Rss: %llu", &kib) == 1) pages.resident += kib << 10;
    if (std::sscanf(line.c_str(), "Pss: %llu", &kib) == 1) pages.share += kib << 10;
  }
  return pages;
}

TEST(SharedPages, TwoProcessesHoldTheWeightsOnce) {
  const TempDir folder;
  const auto path = folder.path() / "hmr2.safetensors";
  const std::vector<float> numbers(kFloats, 1.0f);
  ASSERT_TRUE(write_safetensors(
      path, {{"weights", {DType::F32, {kFloats}, std::as_bytes(std::span(numbers))}}}, {}));
  int is_ready[2], may_end[2];
  ASSERT_EQ(pipe(is_ready), 0);
  ASSERT_EQ(pipe(may_end), 0);
  const pid_t other = fork();
  ASSERT_GE(other, 0);
  char byte = 0;
  if (other == 0) {
    close(may_end[1]);
    const auto file = Safetensors::open(path);
    byte = file && sum_of(**file) == static_cast<float>(kFloats) ? 'y' : 'n';
    // Ends when the parent says so or dies.
    const bool told = write(is_ready[1], &byte, 1) == 1 && read(may_end[0], &byte, 1) >= 0;
    _exit(told ? 0 : 1);
  }
  ASSERT_EQ(read(is_ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  const auto file = Safetensors::open(path);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(sum_of(**file), static_cast<float>(kFloats));
  const Pages pages = pages_of(path.string());
  close(may_end[1]);
  int status = 0;
  ASSERT_EQ(waitpid(other, &status, 0), other);
  EXPECT_EQ(status, 0);
  constexpr std::uint64_t kBytes = kFloats * sizeof(float);
  EXPECT_GE(pages.resident, kBytes);
  EXPECT_LT(pages.share, kBytes * 6 / 10) << "each process has pages of its own";
}

}  // namespace
}  // namespace posefleet::tests

// The corpus, and changed copies of it, through every target: in each `make test`, by the usual
// compiler. The fuzzer itself (`make fuzz`) tries far more and takes minutes.
//
// Memory is held by a limit on the address space rather than by counting: what asks for too much is
// refused by the system, and the refusal ends the test.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <set>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/base/random.h"
#include "tests/fuzz/targets.h"
#include "tests/support/fixtures.h"

namespace posefleet::fuzz {
namespace {

// Changed copies of one input: some 20,000 in all.
constexpr int kChangesPerInput = 110;
// Far above what inputs of a few kilobytes need, and far below what a believed lie asks for.
constexpr rlim_t kAddressSpaceMax = rlim_t{2} << 30;

struct Input {
  std::string name;
  std::string bytes;
};

// By name, so that seeds mean the same everywhere.
std::vector<Input> corpus_of(std::string_view target) {
  std::vector<Input> inputs;
  const auto folder = std::filesystem::path(POSEFLEET_CORPUS_DIR) / target;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    inputs.push_back({entry.path().filename().string(), tests::read_file(entry.path())});
  }
  std::sort(inputs.begin(), inputs.end(),
            [](const Input& a, const Input& b) { return a.name < b.name; });
  return inputs;
}

// A failing check ends the process; this is how one learns what it was given.
std::string current_input;

void name_input(int signal) {
  (void)!write(STDERR_FILENO, current_input.data(), current_input.size());
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(const Target& target, const Input& input, int change, const std::string& bytes) {
  current_input = "input: " + std::string(target.name) + "/" + input.name + ", change " +
                  std::to_string(change) + "\n";
  // A copy of exactly this size, so that a sanitizer sees a read behind the end.
  const std::vector<char> exact(bytes.begin(), bytes.end());
  target.run(std::as_bytes(std::span(exact)));
}

void change_once(Random& random, const std::string& other, std::string& bytes) {
  const std::size_t at = random.below(bytes.size() + 1);
  const std::size_t count = 1 + random.below(random.chance(0.5) ? 4 : 64);
  switch (random.below(6)) {
    case 0:  // a bit
      if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
      break;
    case 1:  // a byte that often means something: an end, a limit
      if (at < bytes.size()) bytes[at] = "\0\1\x7f\x80\xff\n."[random.below(7)];
      break;
    case 2:
      bytes.erase(at, count);
      break;
    case 3:  // twice
      bytes.insert(at, bytes.substr(at, count));
      break;
    case 4:  // a piece of another input
      if (!other.empty()) bytes.insert(at, other.substr(random.below(other.size()), count));
      break;
    default:  // a large number
      if (at + 4 <= bytes.size()) bytes.replace(at, 4, "\xff\xff\xff\x7f");
      break;
  }
}

void limit_memory() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const rlimit limit{kAddressSpaceMax, kAddressSpaceMax};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
#endif
}

TEST(Corpus, HasAFolderForEachTargetAndNoOther) {
  std::set<std::string> folders;
  for (const auto& entry : std::filesystem::directory_iterator(POSEFLEET_CORPUS_DIR)) {
    folders.insert(entry.path().filename().string());
  }
  std::set<std::string> names;
  for (const Target& target : all_targets()) {
    names.insert(std::string(target.name));
    EXPECT_GE(corpus_of(target.name).size(), 3u) << target.name;
  }
  EXPECT_EQ(folders, names);
}

TEST(Corpus, EveryInputAndItsChangedCopiesGiveAnErrorOrASoundValue) {
  limit_memory();
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE}) std::signal(signal, name_input);
  int runs = 0;
  for (const Target& target : all_targets()) {
    const std::vector<Input> inputs = corpus_of(target.name);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      run(target, inputs[i], 0, inputs[i].bytes);
      Random random(i + 1);
      for (int change = 1; change <= kChangesPerInput; ++change, ++runs) {
        std::string bytes = inputs[i].bytes;
        const std::string& other = inputs[random.below(inputs.size())].bytes;
        const std::uint64_t changes = 1 + random.below(4);
        for (std::uint64_t c = 0; c < changes; ++c) change_once(random, other, bytes);
        run(target, inputs[i], change, bytes);
      }
    }
  }
  EXPECT_GT(runs, 3000);
}

}  // namespace
}  // namespace posefleet::fuzz

// Cut and spoiled files of every kind in the matrix: frames with a warning, or an error; never a
// crash, a hang or unbounded memory.
//
// Each file is tried in a child process with limits on memory and time, so that one finding does
// not hide the next, and a failure names its seed. POSEFLEET_CORPUS_FILES says how many files
// (200); POSEFLEET_CORPUS_SEED makes one file alone and keeps it.
#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/media/decoder.h"
#include "common/media/frame_table.h"
#include "tests/common/media/clips.h"
#include "tests/common/media/matrix/clips.h"

namespace posefleet {
namespace {

using tests::MatrixClip;
using tests::TempDir;

// A whole clip of the matrix takes 60 MB and 0.1 s. A limit below what a 64x64 video may need at
// most would find nothing more; one above a machine's memory would find nothing at all.
constexpr rlim_t kMemoryMax = 1500ULL << 20;
constexpr rlim_t kCpuSecondsMax = 20;
constexpr unsigned kWallSecondsMax = 300;  // blocked, not busy; the machine may be

constexpr int kFramesAtOnce = 12;

// Exit codes of a child.
constexpr int kRefused = 10;
constexpr int kWrong = 11;  // an answer that breaks a promise

std::string spoiled(const std::string& whole, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::string bytes = whole;
  const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random()) % limit; };
  switch (seed % 5) {
    case 0:  // cut off
      return bytes.substr(0, 1 + below(bytes.size()));
    case 1:  // some bytes, anywhere
    case 2:  // some bytes of the headers, where sizes and counts are
      for (std::size_t i = 0; i < 1 + below(20); ++i) {
        const std::size_t reach =
            seed % 5 == 1 ? bytes.size() : std::min<std::size_t>(1500, bytes.size());
        bytes[below(reach)] ^= static_cast<char>(1 + below(255));
      }
      return bytes;
    case 3: {  // a run of noise
      const std::size_t from = below(bytes.size());
      const std::size_t end = std::min(bytes.size(), from + below(4000));
      for (std::size_t i = from; i < end; ++i) bytes[i] = static_cast<char>(random());
      return bytes;
    }
    default: {  // a piece is missing, the rest follows; the end is where MP4 keeps its index
      const std::size_t from = below(bytes.size());
      bytes.erase(from, 1 + below(600));
      for (int i = 0; i < 3 && !bytes.empty(); ++i) {
        bytes[bytes.size() - 1 - below(std::min<std::size_t>(1500, bytes.size()))] ^= 0x15;
      }
      return bytes;
    }
  }
}

// What a job does with a file. Runs in the child.
int use(const std::filesystem::path& path) {
  const auto probed = probe_frame_table(path);
  if (!probed) return probed.error().message.empty() ? kWrong : kRefused;
  const FrameTable& table = probed->table;
  const std::uint32_t count = table.frame_count();
  if (count == 0 || !std::is_sorted(table.pts.begin(), table.pts.end())) return kWrong;
  for (const std::uint32_t first : {0u, count / 2, count - 1}) {
    const FrameRange range{first, std::min<std::uint32_t>(count, first + kFramesAtOnce)};
    auto decoder = RangeDecoder::open(path, table, range);
    if (!decoder) return decoder.error().message.empty() ? kWrong : kRefused;
    for (std::uint32_t i = range.first; i < range.end; ++i) {
      const auto frame = decoder->next();
      if (!frame) return frame.error().message.empty() ? kWrong : kRefused;
      if (!frame->has_value() || (*frame)->pts() != table.pts[i]) return kWrong;
      if ((*frame)->width() != static_cast<int>(table.width)) return kWrong;
    }
  }
  return 0;
}

// The child's exit code, or minus the signal that ended it.
int try_in_child(const std::filesystem::path& path) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit memory{kMemoryMax, kMemoryMax};
    const rlimit seconds{kCpuSecondsMax, kCpuSecondsMax};
    setrlimit(RLIMIT_AS, &memory);
    setrlimit(RLIMIT_CPU, &seconds);
    alarm(kWallSecondsMax);
    _exit(use(path));
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

std::uint32_t number_from(const char* variable, std::uint32_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : static_cast<std::uint32_t>(std::stoul(text));
}

TEST(Corpus, GivesFramesOrAnError) {
  const TempDir folder;
  const std::vector<MatrixClip>& clips = tests::matrix_clips();
  const bool is_single = std::getenv("POSEFLEET_CORPUS_SEED") != nullptr;
  const std::uint32_t first = number_from("POSEFLEET_CORPUS_SEED", 0);
  const std::uint32_t files = is_single ? 1 : number_from("POSEFLEET_CORPUS_FILES", 200);
  std::vector<std::string> wholes(clips.size());
  std::uint32_t usable = 0;
  std::uint32_t refused = 0;
  for (std::uint32_t seed = first; seed < first + files; ++seed) {
    const std::size_t kind = seed % clips.size();
    if (wholes[kind].empty()) {
      wholes[kind] = tests::read_file(tests::make_matrix_clip(folder, clips[kind]));
    }
    const auto path = is_single ? std::filesystem::temp_directory_path() / clips[kind].name
                                : folder / clips[kind].name;
    tests::write_file(path, spoiled(wholes[kind], seed));
    const int ended = try_in_child(path);
    EXPECT_TRUE(ended == 0 || ended == kRefused)
        << "seed " << seed << ": " << clips[kind].name << " ended with " << ended;
    usable += ended == 0 ? 1 : 0;
    refused += ended == kRefused ? 1 : 0;
  }
  std::printf("%u files gave frames, %u were refused\n", usable, refused);
  if (!is_single) {
    EXPECT_GT(usable, files / 10) << "the spoiling leaves nothing to be tried";
    EXPECT_GT(refused, files / 50);
  }
}

}  // namespace
}  // namespace posefleet

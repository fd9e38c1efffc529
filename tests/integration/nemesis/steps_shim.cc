// Loaded before the system's library (LD_PRELOAD) into the coordinator: looks at what it does with
// its disk and kills it at the step that the driver named (steps.h).
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <dlfcn.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include "tests/integration/nemesis/steps.h"

namespace {

using namespace posefleet::nemesis;

StepControl* open_control() {
  const char* path = std::getenv(kStepsVariable);
  if (path == nullptr) return nullptr;
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return nullptr;
  void* memory = mmap(nullptr, sizeof(StepControl), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  return memory == MAP_FAILED ? nullptr : static_cast<StepControl*>(memory);
}

StepControl* control() {
  static StepControl* const shared = open_control();
  return shared;
}

void reach(Step step) {
  StepControl* const shared = control();
  if (shared == nullptr) return;
  shared->passed[step].fetch_add(1);
  std::uint32_t armed = step;
  if (!shared->armed.compare_exchange_strong(armed, kNoStep)) return;
  shared->killed[step].fetch_add(1);
  kill(getpid(), SIGKILL);
  while (true) pause();
}

bool is_armed(Step step) {
  StepControl* const shared = control();
  return shared != nullptr && shared->armed.load() == step;
}

// Where in a group's commit this thread is: results are published by one thread, outputs by
// another. OnDisk: so are the bytes of a result at least, and nothing of its row.
// Splitting: the transaction of a split is under way; InSplit: and its pages are being written.
enum class Phase { Nothing, Syncing, Renamed, OnDisk, InRow, Splitting, InSplit };
thread_local Phase phase = Phase::Nothing;
// The middle of what was appended to a bundle last.
thread_local off_t appended = 0;
thread_local int released = 0;

// As coordinator/server/jobs.h names them.
constexpr const char* kBundle = ".bundle";

bool ends_with(const char* text, const char* end) {
  const std::size_t length = std::strlen(text);
  const std::size_t wanted = std::strlen(end);
  return length >= wanted && std::strcmp(text + length - wanted, end) == 0;
}

struct Path {
  explicit Path(int fd) {
    char link[32] = "/proc/self/fd/";
    char digits[12];
    int count = 0;
    do {
      digits[count++] = static_cast<char>('0' + fd % 10);
      fd /= 10;
    } while (fd > 0);
    char* at = link + std::strlen(link);
    while (count > 0) *at++ = digits[--count];
    *at = 0;
    const ssize_t length = readlink(link, text, sizeof text - 1);
    text[length < 0 ? 0 : length] = 0;
  }
  bool holds(const char* part) const { return std::strstr(text, part) != nullptr; }
  char text[512];
};

// A negative place: the file's middle.
void damage_if_asked(const char* path, off_t middle) {
  StepControl* const shared = control();
  if (shared == nullptr) return;
  std::uint32_t armed = kDamage;
  if (!shared->armed.compare_exchange_strong(armed, kNoStep)) return;
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  if (middle < 0) middle = lseek(fd, 0, SEEK_END) / 2;
  char byte = 0;
  if (pread(fd, &byte, 1, middle) == 1) {
    byte = static_cast<char>(byte ^ 1);
    shared->damaged.fetch_add(pwrite(fd, &byte, 1, middle) == 1 ? 1 : 0);
  }
  close(fd);
}

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

int sync(int fd, int (*real)(int)) {
  const Path path(fd);
  if (path.holds("/incoming/")) {
    phase = Phase::Syncing;
    reach(kResultWritten);
    const int result = real(fd);
    damage_if_asked(path.text, -1);
    reach(kResultSynced);
    return result;
  }
  if (ends_with(path.text, kBundle)) {
    reach(kBundleWritten);
    const int result = real(fd);
    damage_if_asked(path.text, appended);
    reach(kBundleSynced);
    phase = Phase::OnDisk;
    return result;
  }
  if (phase == Phase::InRow && ends_with(path.text, "-wal")) {
    reach(kRowWritten);
    const int result = real(fd);
    reach(kRowSynced);
    phase = Phase::Nothing;
    return result;
  }
  if (phase == Phase::InSplit && ends_with(path.text, "-wal")) {
    reach(kSplitWritten);
    const int result = real(fd);
    reach(kSplitSynced);
    phase = Phase::Nothing;
    return result;
  }
  const int result = real(fd);
  if (phase == Phase::Renamed) {
    phase = Phase::OnDisk;
    reach(kFolderSynced);
  }
  return result;
}

void on_removal(const char* path) {
  if (std::strstr(path, "/jobs/") == nullptr) return;
  if (!ends_with(path, ".bin") && !ends_with(path, kBundle)) return;
  if (released++ == 0) reach(kReleaseBegins);
  if (released == 5) reach(kReleaseHalf);
}

using Write = ssize_t (*)(int, const void*, size_t, off64_t);

ssize_t write_at(int fd, const void* bytes, size_t size, off64_t offset) {
  static const auto real = next<Write>("pwrite64");
  const Path path(fd);
  if (ends_with(path.text, kBundle)) {
    if (is_armed(kHalfAppended)) real(fd, bytes, size / 2, offset);
    reach(kHalfAppended);
    appended = offset + static_cast<off64_t>(size / 2);
  }
  const ssize_t result = real(fd, bytes, size, offset);
  if (phase == Phase::OnDisk && ends_with(path.text, "-wal")) {
    phase = Phase::InRow;
    reach(kRowHalfWritten);
  }
  if (phase == Phase::Splitting && ends_with(path.text, "-wal")) {
    phase = Phase::InSplit;
    reach(kSplitHalfWritten);
  }
  return result;
}

}  // namespace

extern "C" {

int fsync(int fd) {
  static const auto real = next<int (*)(int)>("fsync");
  return sync(fd, real);
}

int fdatasync(int fd) {
  static const auto real = next<int (*)(int)>("fdatasync");
  return sync(fd, real);
}

int rename(const char* from, const char* to) {
  static const auto real = next<int (*)(const char*, const char*)>("rename");
  const bool is_output = std::strstr(to, "/output.") != nullptr;
  if (is_output) reach(kOutputWritten);
  const int result = real(from, to);
  if (std::strstr(from, "/incoming/") != nullptr) {
    phase = Phase::Renamed;
    reach(kResultRenamed);
  }
  if (is_output) reach(kOutputRenamed);
  if (ends_with(to, "/plan.json")) reach(kPlanSaved);
  // What no worker sent and still is a result: that of a frame in which nobody is.
  const bool is_sent = std::strstr(from, "/incoming/") != nullptr;
  if (!is_sent && std::strstr(to, "/pose-") != nullptr) reach(kNobodyNamed);
  return result;
}

// Two names for the same where off_t has 64 bits: whoever calls chooses one.
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t offset) {
  return write_at(fd, bytes, size, offset);
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  return write_at(fd, bytes, size, offset);
}

// Pages say nothing of what they are about; the statement before them does.
int sqlite3_prepare_v2(sqlite3* db, const char* sql, int bytes, sqlite3_stmt** statement,
                       const char** tail) {
  static const auto real = next<decltype(&sqlite3_prepare_v2)>("sqlite3_prepare_v2");
  constexpr const char* kSplit = "UPDATE ranges SET is_split = 1";
  const auto length = static_cast<int>(std::strlen(kSplit));
  const bool is_long_enough = bytes < 0 || bytes >= length;
  if (is_long_enough && std::strncmp(sql, kSplit, length) == 0) phase = Phase::Splitting;
  return real(db, sql, bytes, statement, tail);
}

int unlink(const char* path) {
  static const auto real = next<int (*)(const char*)>("unlink");
  on_removal(path);
  return real(path);
}

int remove(const char* path) {
  static const auto real = next<int (*)(const char*)>("remove");
  on_removal(path);
  return real(path);
}

}  // extern "C"

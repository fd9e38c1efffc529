// Shares independent pieces of work among threads, with scratch memory for each.
//
// A piece is always computed whole by one thread and writes where no other does; so which thread
// takes it, and how many there are, leaves no trace in the result. Pieces are handed out in order
// as threads become free, because a machine that also decodes video does not give each the same
// time.
#pragma once

#include <cstddef>
#include <functional>

namespace posefleet {

// Owned by one network, used by the thread that runs it.
class Tiles final {
 public:
  explicit Tiles(int threads);
  ~Tiles();
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

  int threads() const { return threads_; }

  // Makes every thread's scratch at least so large. Not while pieces run.
  void reserve_scratch(std::size_t bytes);

  // Calls work(0) ... work(count-1), each once, and returns when all are done. What a piece throws
  // comes out here.
  using Work = std::function<void(int piece, std::byte* scratch)>;
  void run(int count, const Work& work);

 private:
  int threads_;
  std::size_t scratch_bytes_ = 0;
  std::byte* scratch_ = nullptr;  // threads_ times scratch_bytes_
};

// While it lives, LibTorch and oneDNN use `threads` threads for what this thread asks of them.
class ThreadCount final {
 public:
  explicit ThreadCount(int threads);
  ~ThreadCount();
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_;
};

}  // namespace posefleet

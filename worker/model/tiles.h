// Shares independent pieces of work among threads, with scratch memory for each.
//
// A piece is always computed whole by one thread and writes where no other does; so which thread
// takes it, and how many there are, leaves no trace in the result.
//
// The caller works too, and waits only for pieces that a helper has begun. OpenMP's regions, which
// LibTorch and oneDNN use otherwise, wait for every thread to come and go, spinning; when decoders
// and renderers want the same cores, a small network on two threads then took fifty times as long
// as on one. Here a helper that gets no processor costs nothing.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace posefleet {

// Owned by one network and used by one thread at a time; its helpers end with it.
class Tiles final {
 public:
  // Starts threads - 1 helpers.
  explicit Tiles(int threads);
  ~Tiles();
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

  int threads() const { return threads_; }

  // Makes every thread's scratch at least so large.
  void reserve_scratch(std::size_t bytes);

  // Calls work(0) ... work(count-1), each once, and returns when all are done. Pieces are begun in
  // order. What a piece throws comes out here, after the last one.
  using Work = std::function<void(int piece, std::byte* scratch)>;
  void run(int count, const Work& work);

 private:
  class Team;

  std::byte* scratch_of(int thread) const;

  int threads_;
  std::size_t scratch_bytes_ = 0;
  std::byte* scratch_ = nullptr;  // threads_ times scratch_bytes_
  std::unique_ptr<Team> team_;
};

// While it lives, LibTorch and oneDNN use no other threads for what this thread asks of them: the
// pieces are all the parallelism there is. oneDNN's kernels must be made under it as well, since
// they are made for a number of threads, and choose their blocking, and the last bits, by it.
class OneThread final {
 public:
  OneThread();
  ~OneThread();
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

}  // namespace posefleet
